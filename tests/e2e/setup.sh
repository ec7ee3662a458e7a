#!/usr/bin/env bash
# Installs the real clients and exporters that tests/e2e drives. Where it may not (no root, no Debian), the tests that
# need them say what they left out.
set -uo pipefail
cd "$(dirname "$0")/../.."
packages=()
want() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || packages+=("$2"); }
want prometheus-node-exporter prometheus-node-exporter
want syslog-ng syslog-ng-core
[ -d /usr/share/syslog-ng/include/scl/graylog2 ] || packages+=(syslog-ng-scl)
want dockerd docker.io
[ -x /bin/busybox ] || packages+=(busybox-static)
want chromium chromium
want strace strace
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
      echo "e2e set-up: could not install ${packages[*]}; their parts of the tests will be left out" >&2
  else
    echo "e2e set-up: not installed (needs root and apt): ${packages[*]}; their parts of the tests will be left out" >&2
  fi
fi
python=target/e2e-python
if [ ! -d "$python/graypy" ] || [ ! -d "$python/pygelf" ]; then
  python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore --target "$python" graypy==2.1.0 pygelf==0.4.2 ||
    echo 'e2e set-up: could not install graypy and pygelf; their parts of the tests will be left out' >&2
fi
exit 0
