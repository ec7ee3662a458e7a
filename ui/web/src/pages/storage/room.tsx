// Disk and memory: how much is used, and where the limit stands.

import type { Disk, Memory, MemoryPool } from "../../api/storage";
import { Meter } from "../../components/meter";
import { bytes, count } from "../../lib/format";
import { diskGauge, gauge, share } from "../../lib/storage";

export function Room({ disk, memory }: { readonly disk: Disk; readonly memory: Memory }) {
  const used = disk.total - disk.available;
  const diskText = `${bytes(used)} of ${bytes(disk.total)} used`;
  const inMemory = gauge(memory.resident, memory.limit);
  const memoryText = memory.limit > 0 ? `${bytes(memory.resident)} of ${bytes(memory.limit)} used` : `${bytes(memory.resident)} used, no limit`;
  return (
    <section class="room" aria-label="Room">
      <div class="space">
        <h2>Disk</h2>
        <Meter label="Disk" text={diskText} {...diskGauge(disk)} />
        <p>
          {diskText} <span class="quiet">{bytes(disk.available)} available</span>
          {disk.free_min !== undefined && <span class="quiet">data is refused below {bytes(disk.free_min)} available</span>}
          {disk.reserve > 0 && <span class="quiet">{bytes(disk.reserve)} set aside for cleaning up</span>}
        </p>
        <p>{disk.has_room ? <span class="state tone-ok">takes new data</span> : <span class="state tone-error square">refuses new data</span>}</p>
      </div>
      <div class="space">
        <h2>Memory</h2>
        <Meter label="Memory" text={memoryText} {...inMemory} />
        <p>{memoryText}</p>
        {memory.pools.length > 0 && <Pools pools={memory.pools} />}
      </div>
    </section>
  );
}

function Pools({ pools }: { readonly pools: readonly MemoryPool[] }) {
  return (
    <table class="table pools">
      <thead>
        <tr>
          <th>For</th>
          <th class="bar-cell">
            <span class="hidden-text">Meter</span>
          </th>
          <th class="number">Used</th>
          <th class="number" title="The most that was in use since the start">
            Peak
          </th>
          <th class="number">Limit</th>
          <th class="number" title="How often there was not enough">
            Refused
          </th>
        </tr>
      </thead>
      <tbody>
        {pools.map((pool) => (
          <tr key={pool.name}>
            <td>{pool.name.replaceAll("_", " ")}</td>
            <td class="bar-cell">
              <Meter label={pool.name} text={`${bytes(pool.used)} of ${bytes(pool.limit)}`} {...gauge(pool.used, pool.limit)} peak={share(pool.peak, Math.max(pool.limit, pool.used))} />
            </td>
            <td class="number">{bytes(pool.used)}</td>
            <td class="number">{bytes(pool.peak)}</td>
            <td class="number">{bytes(pool.limit)}</td>
            <td class="number">{pool.refusals === 0 ? "none" : <span class="state tone-warn">{count(pool.refusals)}</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
