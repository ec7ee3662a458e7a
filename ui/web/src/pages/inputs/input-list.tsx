// What listens for logs: how much comes in, from whom, and what was lost.

import { useRef } from "preact/hooks";
import type { Input, MessageCounts } from "../../api/inputs";
import { Icon } from "../../components/icon";
import { age, bytes, count, perSecond } from "../../lib/format";
import { sumOf } from "../../lib/losses";
import { rates, type Look } from "../../lib/rates";
import { LossLine, LossList } from "./loss-list";

/** An input that heard something this recently is receiving; milliseconds. */
const RECENT_MS = 60_000;
/** Senders drawn at most. */
const SENDERS_MAX = 200;

interface Props {
  readonly inputs: readonly Input[];
  /** When the figures were taken, Unix milliseconds. */
  readonly at: number;
  readonly now: number;
  readonly open: string | null;
  onToggle(key: string): void;
}

export function inputKey(input: Input): string {
  return `${input.kind} ${input.address}`;
}

export function InputList({ inputs, at, now, open, onToggle }: Props) {
  const perInput = useRates(inputs, at);
  return (
    <div class="wide">
      <table class="table inputs-table">
        <thead>
          <tr>
            <th>State</th>
            <th>Input</th>
            <th>Address</th>
            <th class="number">Rate</th>
            <th class="number">Received</th>
            <th class="number">Bytes</th>
            <th class="number">Records</th>
            <th>Lost</th>
            <th class="number">Last heard</th>
          </tr>
        </thead>
        {inputs.map((input) => {
          const key = inputKey(input);
          return (
            <tbody key={key}>
              <tr>
                <td>
                  <InputState input={input} now={now} />
                </td>
                <td>
                  <button type="button" class="expand" aria-expanded={open === key} onClick={() => onToggle(key)} title="Losses and senders">
                    <Icon name="chevron" />
                    {input.kind}
                  </button>
                </td>
                <td class="mono">{input.address}</td>
                <td class="number strong">{perInput.has(key) ? perSecond(perInput.get(key) ?? 0) : "–"}</td>
                <td class="number">{count(input.received)}</td>
                <td class="number">{bytes(input.received_bytes)}</td>
                <td class="number">{count(input.records)}</td>
                <td>
                  <LossLine losses={input.losses} />
                </td>
                <td class="number">{input.last_received === null ? "never" : age(now - input.last_received)}</td>
              </tr>
              {input.messages.received > 0 && (
                <tr class="said-row">
                  <td colSpan={9}>
                    <Sum counts={input.messages} />
                  </td>
                </tr>
              )}
              {input.last_error !== "" && (
                <tr class="said-row">
                  <td colSpan={9}>
                    <span class="error-text">
                      <i>last error</i> {input.last_error}
                    </span>
                  </td>
                </tr>
              )}
              {open === key && (
                <tr class="said-row">
                  <td colSpan={9}>
                    {sumOf(input.losses) > 0 && <LossList losses={input.losses} />}
                    <Senders input={input} now={now} />
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

function InputState({ input, now }: { readonly input: Input; readonly now: number }) {
  if (input.last_received === null) {
    return <span class="state tone-quiet hollow">waiting</span>;
  }
  return now - input.last_received < RECENT_MS ? <span class="state tone-ok">receiving</span> : <span class="state tone-quiet">quiet</span>;
}

/** Every message is somewhere: what was sent is the sum of what became of it. */
function Sum({ counts }: { readonly counts: MessageCounts }) {
  const parts = [
    `${count(counts.stored)} stored`,
    `${count(counts.refused)} refused`,
    `${count(counts.dropped)} dropped`,
    ...(counts.waiting > 0 ? [`${count(counts.waiting)} on their way`] : []),
  ];
  return (
    <span class="sum">
      {count(counts.received)} sent = {parts.join(" + ")}
    </span>
  );
}

function Senders({ input, now }: { readonly input: Input; readonly now: number }) {
  const worstFirst = [...input.senders].sort((a, b) => b.losses - a.losses || b.records - a.records);
  if (worstFirst.length === 0) {
    return <p class="quiet">Nobody has sent anything here yet.</p>;
  }
  return (
    <table class="table senders">
      <thead>
        <tr>
          <th>Sender</th>
          <th class="number">Records</th>
          <th class="number">Lost</th>
          <th class="number">Last</th>
        </tr>
      </thead>
      <tbody>
        {worstFirst.slice(0, SENDERS_MAX).map((sender) => (
          <tr key={sender.sender}>
            <td class="mono">{sender.sender}</td>
            <td class="number">{count(sender.records)}</td>
            <td class="number">{sender.losses === 0 ? "none" : <span class="state tone-warn">{count(sender.losses)}</span>}</td>
            <td class="number">{sender.last_received === null ? "never" : age(now - sender.last_received)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Records per second between the last two answers. */
function useRates(inputs: readonly Input[], at: number): ReadonlyMap<string, number> {
  const looks = useRef<{ readonly before: Look | null; readonly now: Look | null }>({ before: null, now: null });
  if (looks.current.now?.at !== at) {
    const counters = new Map(inputs.map((input) => [inputKey(input), input.records]));
    looks.current = { before: looks.current.now, now: { at, counters } };
  }
  const { before, now } = looks.current;
  return now ? rates(before, now) : new Map();
}
