// Why records do not reach the store, in words, with what helps. Reasons are the values of the metric label `reason`.

import type { Loss } from "../api/inputs";

interface Reason {
  readonly words: string;
  readonly cure: string;
}

const WHOLE_MESSAGES = "Send smaller messages or use TCP: one lost datagram costs the whole message.";
const FIX_SENDER = "Correct the sender: the senders listed with the input show which.";

const REASONS: Readonly<Record<string, Reason>> = {
  // On the way here
  kernel_buffer_full: {
    words: "dropped by the kernel",
    cure: "The receive buffer was full: raise net.core.rmem_max and logs.gelf.udp.receive_buffer, spread the datagrams with logs.gelf.udp.threads, or send over TCP.",
  },
  incomplete_message: { words: "chunks missing", cure: `Parts of messages did not come in time. ${WHOLE_MESSAGES}` },
  evicted_message: { words: "incomplete, made room", cure: `Too many messages were incomplete at once: raise logs.gelf.udp.chunks.memory. ${WHOLE_MESSAGES}` },
  truncated_datagram: { words: "cut by the kernel", cure: "The datagram was larger than its buffer: send it in chunks or over TCP." },
  queue_full: { words: "receive queue full", cure: "Datagrams came faster than they could be decoded: raise logs.gelf.udp.threads, or send over TCP, which waits." },
  // Into the store
  pipeline_full: { words: "store queue full", cure: "Records came faster than they could be stored: look at the load of the disk and the processors, or send less." },
  disk_full: { words: "disk full", cure: "Make room on the disk, keep data for less time, or enlarge the volume." },
  store_failed: { words: "refused by the store", cure: "It refused them for too long: the Storage page and Watchfire's own log say why." },
  commit_failed: { words: "not made durable", cure: "The disk failed twice to keep them: look for its errors in the kernel's log." },
  stopping: { words: "lost at the stop", cure: "Watchfire ended before they were stored. A stop with SIGTERM waits for the store." },
  store_refused: { words: "refused, sender told", cure: "The sender has them still and may have sent them again. The Storage page says whether there is room." },
  // Connections
  frame_too_long: { words: "no end of message", cure: "End each message with a NUL byte, or raise logs.gelf.tcp.frame_max." },
  frame_timeout: { words: "never finished", cure: "A message was begun and not finished in time: look at the network and the sender." },
  frame_memory: { words: "unfinished messages too large", cure: "Messages begun on all connections took too much memory: send smaller ones, or raise logs.gelf.tcp.memory." },
  connection_limit: { words: "too many connections", cure: "Raise logs.gelf.tcp.connections_max, or close connections that are not used." },
  tls_hello: { words: "TLS on a plain port", cure: "Switch TLS off in the sender: this port takes plain TCP." },
  // Unreadable
  empty: { words: "empty", cure: FIX_SENDER },
  invalid_json: { words: "no JSON", cure: `A GELF message is one JSON object. ${FIX_SENDER}` },
  abandoned_rest: { words: "given up", cure: `Too much in one payload was broken to read on. ${FIX_SENDER}` },
  unknown_compression: { words: "unknown compression", cure: "Send gzip, zlib, zstd or plain JSON." },
  corrupt_compression: { words: "damaged compression", cure: "The compressed message was cut short or damaged on its way: look at the sender and the network." },
  too_large: { words: "too large", cure: "Send smaller messages, or raise messages.decompressed_max of the input." },
  decompression_bomb: { words: "inflates too far", cure: "It grew beyond every honest ratio. If it is honest, send it uncompressed." },
  chunk_truncated: { words: "broken chunk", cure: FIX_SENDER },
  chunk_sequence: { words: "broken chunk number", cure: `A message has at most 128 chunks. ${FIX_SENDER}` },
  chunk_count_changed: { words: "chunks disagree", cure: `Two messages have the same id. ${FIX_SENDER}` },
  nested_chunk: { words: "chunk in a chunk", cure: FIX_SENDER },
  blank_dropped: { words: "blank, not wanted", cure: "As configured: messages.drop_blank of the input." },
};

/** `dropped by the kernel`; an unknown reason as it is. */
export function lossWords(reason: string): string {
  return REASONS[reason]?.words ?? reason;
}

/** What helps against it; `null` for an unknown reason. */
export function lossCure(reason: string): string | null {
  return REASONS[reason]?.cure ?? null;
}

/** All that is lost. */
export function sumOf(losses: readonly Loss[]): number {
  return losses.reduce((sum, loss) => sum + loss.count, 0);
}

/** Those that happened, the most frequent first. */
export function mostFirst(losses: readonly Loss[]): readonly Loss[] {
  return losses.filter((loss) => loss.count > 0).sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
}
