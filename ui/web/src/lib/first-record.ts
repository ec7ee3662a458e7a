// The lines that make a container log here, for a page that has nothing to show yet.

/**
 * The address that a log sender on the reader's machine can use: the listener's port, and its host unless
 * it listens on every address, in which case the name under which the reader reached this page.
 */
export function senderAddress(listen: string, pageHost: string): string {
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = listen.slice(colon + 1) || "12201";
  const anyAddress = host === "" || host === "0.0.0.0" || host === "::" || host === "*";
  const name = anyAddress ? pageHost.replace(/^\[|\]$/g, "") : host;
  const reachable = name === "" || name === "localhost" || name === "::1" ? "127.0.0.1" : name;
  return `${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/** A container that logs one line through Docker's own GELF driver. */
export function dockerRun(address: string): string {
  return [
    "docker run --rm --log-driver gelf \\",
    `  --log-opt gelf-address=udp://${address} \\`,
    '  alpine echo "hello from a container"',
  ].join("\n");
}

/** The same line from a shell, without Docker. */
export function shellLine(address: string): string {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return `printf '{"version":"1.1","host":"%s","short_message":"hello"}' \\\n  "$(hostname)" | nc -u -w1 ${host} ${address.slice(colon + 1)}`;
}
