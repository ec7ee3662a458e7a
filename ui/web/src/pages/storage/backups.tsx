// Backups: those that exist, and a button for the next.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { backUp, type Backup, type NewBackup } from "../../api/storage";
import { valueOf, type Failure } from "../../api/client";
import { STORAGE_KEY } from "../../app/queries";
import { Icon } from "../../components/icon";
import { FailureNotice, Notice } from "../../components/notice";
import { age, bytes, count, plural } from "../../lib/format";
import { newestFirst } from "../../lib/storage";
import { formatAbsolute, type Zone } from "../../lib/time-range";

interface Props {
  readonly backups: readonly Backup[];
  readonly now: number;
  readonly zone: Zone;
}

export function Backups({ backups, now, zone }: Props) {
  const client = useQueryClient();
  const next = useMutation<NewBackup, Failure, void>({
    mutationFn: () => valueOf(backUp()),
    onSuccess: () => client.invalidateQueries({ queryKey: STORAGE_KEY }),
  });
  return (
    <section class="backups">
      <div class="part-title">
        <h2>Backups</h2>
        <span class="quiet">{backups.length === 0 ? "none" : plural(backups.length, "backup")}</span>
        <button type="button" class="button" disabled={next.isPending} onClick={() => next.mutate()}>
          <Icon name="copy" />
          {next.isPending ? "Backing up…" : "Back up now"}
        </button>
      </div>
      {next.isPending && (
        <p class="nothing" role="status">
          What is in memory is written out first, then everything is copied. This takes as long as the disk takes; records and samples are stored meanwhile.
        </p>
      )}
      {next.error && <FailureNotice failure={next.error} what="The backup was not made." onRetry={() => next.mutate()} />}
      {next.data && !next.isPending && (
        <Notice severity="info" title={`Backup ${next.data.name} is complete.`}>
          <span>
            {plural(next.data.objects, "object")}, {bytes(next.data.bytes)}, in <code>{next.data.directory}</code>
          </span>
        </Notice>
      )}
      {backups.length > 0 ? (
        <div class="wide">
          <table class="table backups-table">
            <thead>
              <tr>
                <th>Name</th>
                <th>Made</th>
                <th class="number">Age</th>
                <th class="number">Size</th>
                <th class="number">Objects</th>
              </tr>
            </thead>
            <tbody>
              {newestFirst(backups).map((backup) => (
                <tr key={backup.name}>
                  <td class="mono">{backup.name}</td>
                  <td class="mono time">{formatAbsolute(backup.created, zone)}</td>
                  <td class="number">{age(now - backup.created)}</td>
                  <td class="number">{bytes(backup.bytes)}</td>
                  <td class="number">{count(backup.objects)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="nothing">A backup is a directory that holds all logs and metrics as of one moment. Copy it to another machine: a disk that fails takes its backups with it.</p>
      )}
    </section>
  );
}
