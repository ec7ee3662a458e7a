"""Asks a server every question of `loggen truth` that its search language has, and compares exactly.

Arguments: BASE_URL TRUTH_JSON. Prints one line per difference, the latencies, and `N of M answers equal`; exit 1 on any difference.
"""
import json
import sys
import time
import urllib.parse
import urllib.request

base, truth = sys.argv[1], json.load(open(sys.argv[2]))
span = {"start": truth["first_ms"] // 1000 - 60, "end": truth["last_ms"] // 1000 + 60}
equal = asked = 0


def get(call, **parameters):
    query = urllib.parse.urlencode({**span, **parameters})
    began = time.perf_counter()
    answer = json.load(urllib.request.urlopen(f"{base}/api/watchfire/v1/logs/{call}?{query}"))
    return answer, (time.perf_counter() - began) * 1000


def check(name, want, got, ms):
    global equal, asked
    asked += 1
    equal += want == got
    print(f"{ms:9.1f} ms  {'ok  ' if want == got else 'DIFF'} {name}" + ("" if want == got else f": want {want}, got {got}"))


def count(name, query, want):
    answer, ms = get("histogram", query=query, step=86400)
    check(name, want, answer["total"], ms)


count("all", "", truth["messages"])
for word, want in truth["word_any_case"].items():
    count(f"word {word}", f"message:{word}", want)
for phrase, want in truth["phrase_any_case"].items():
    count(f"phrase {phrase}", f'message:"{phrase}"', want)
count("error AND service", "message:error AND service:order-service", truth["word error AND service order-service"])
count("timeout AND NOT env", "message:timeout AND NOT env:prod", truth["word timeout AND NOT env prod"])
count("level <= 3", "level:<=3", truth["level <= 3"])
count("duration > 500", "duration_ms:>500", truth["duration_ms > 500"])
count("exists", "_exists_:trace_id", truth["trace_id exists"])
for request, want in truth["request_id"].items():
    count("request id in its field", f"request_id:{request}", want)
    count("request id anywhere", f'"{request}"', want)
answer, ms = get("search", query=truth["needle"], limit=100)
stamps = [record["time"][:23] for record in answer["records"]]
want = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(stamp))) + f".{round(stamp % 1 * 1000):03d}" for stamp in truth["needle_timestamps"]]
check("needle, newest 100", sorted(want, reverse=True), stamps, ms)
answer, ms = get("search", query="message:error", limit=5)
stamps = [record["time"][:23] for record in answer["records"]]
want = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(stamp))) + f".{round(stamp % 1 * 1000):03d}" for stamp in truth["newest_5_with_word_error"]]
check("newest 5 errors", want, stamps, ms)
for field, key in (("service", "by_service"), ("env", "by_env"), ("host", "by_host"), ("level", "by_level")):
    answer, ms = get("histogram", step=86400, by=field)
    check(f"by {field}", truth[key], {series["value"]: sum(series["counts"]) for series in answer["series"]}, ms)
answer, ms = get("histogram", step=60)
minutes = {str(answer["start"] + 60 * index): n for index, n in enumerate(answer["series"][0]["counts"])}
for key in ("per_minute_first_5", "per_minute_last_5"):
    check(key, truth[key], {minute: minutes[minute] for minute in truth[key]}, ms)
print(f"{equal} of {asked} answers equal")
sys.exit(equal != asked)
