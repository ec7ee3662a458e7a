"""Asks a server every question of `loggen truth` and compares exactly.

Arguments: BASE_ADDRESS (host:port) TRUTH_JSON. Prints a line per answer and `N of M answers equal`; exit 1 on any difference.
"""
import json
import sys
import time

import server as servers


def moment(stamp):
    """A truth's time, seconds with a fraction, as the API writes it, to the millisecond."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(stamp))) + f".{round(stamp % 1 * 1000):03d}"


def questions(truth):
    """Name, wanted answer, and a function of a server that gets it."""
    span = {"start": truth["first_ms"] // 1000 - 60, "end": truth["last_ms"] // 1000 + 60}

    def counted(query):
        return lambda asked: asked.logs("count", query=query, **span)["count"]

    def summed(query):
        return lambda asked: asked.logs("histogram", query=query, step=86400, **span)["total"]

    def rows(query):
        return lambda asked: asked.logs("stats", query=query, limit=100000, **span)["rows"]

    def times(query, limit):
        def found(asked):
            return [record["time"][:23] for record in asked.logs("search", query=query, limit=limit, **span)["records"]]

        return found

    def split(field):
        def found(asked):
            series = asked.logs("histogram", query="", step=86400, by=field, **span)["series"]
            return {str(one["value"]): sum(one["counts"]) for one in series}

        return found

    def minutes(keys):
        def found(asked):
            answer = asked.logs("histogram", query="", step=60, **span)
            start = answer["start"]
            counts = {str(start + 60 * index): n for index, n in enumerate(answer["series"][0]["counts"])}
            return {minute: counts[minute] for minute in keys}

        return found

    counts = [("all", "", truth["messages"])]
    counts += [(f"word {word}", f"message:{word}", n) for word, n in truth["word_any_case"].items()]
    counts += [(f"phrase {phrase}", f'message:"{phrase}"', n) for phrase, n in truth["phrase_any_case"].items()]
    counts += [
        ("error AND service", "message:error AND service:order-service", truth["word error AND service order-service"]),
        ("timeout AND NOT env", "message:timeout AND NOT env:prod", truth["word timeout AND NOT env prod"]),
        ("level <= 3", "level:<=3", truth["level <= 3"]),
        ("duration > 500", "duration_ms:>500", truth["duration_ms > 500"]),
        ("exists", "_exists_:trace_id", truth["trace_id exists"]),
    ]
    for request, n in truth["request_id"].items():
        counts += [("request id in its field", f"request_id:{request}", n), ("request id anywhere", f'"{request}"', n)]
    counts += [(f"substring {text}", f"message:/{escape(text)}/", n) for text, n in truth["substring"].items()]
    counts += [(f"regex {text}", f"message:/{escape(text)}/", n) for text, n in truth["regex"].items()]
    for name, query, want in counts:
        yield f"{name}, histogram", want, summed(query)
        yield f"{name}, count", want, counted(query)
        yield f"{name}, stats", [[want]], rows(f"{query or '*'} | stats count()")
    yield "needle, newest 100", [moment(at) for at in sorted(truth["needle_timestamps"], reverse=True)], times(truth["needle"], 100)
    yield "newest 5 errors", [moment(at) for at in truth["newest_5_with_word_error"]], times("message:error", 5)
    for field, key in (("service", "by_service"), ("env", "by_env"), ("host", "by_host"), ("level", "by_level")):
        yield f"by {field}", truth[key], split(field)
        want = sorted([name, n] for name, n in truth[key].items())
        yield f"by {field}, stats", want, as_text(rows(f"* | stats by ({field}) count()"))
    for key in ("per_minute_first_5", "per_minute_last_5"):
        yield key, truth[key], minutes(truth[key])
    for name, query in (("p50", "median(duration_ms)"), ("p95", "p95(duration_ms)"), ("max", "max(duration_ms)"), ("n", "count(duration_ms)")):
        # A service without any duration has a row of its own, with nothing in it.
        want = sorted([service, float(of[name])] for service, of in truth["duration_ms_by_service"].items())
        yield f"{name} of duration by service", want, numbers(rows(f"* | stats by (service) {query}"))
    yield "distinct users", [[truth["distinct_user_id"]]], rows("* | stats count_uniq(user_id)")
    yield "distinct requests", [[truth["distinct_request_id"]]], rows("* | stats count_uniq(request_id)")
    if not truth["top_10_user_id_tie_at_the_end"]:
        query = "_exists_:user_id | stats by (user_id) count() n | sort by (n desc) limit 10"
        yield "top 10 users", truth["top_10_user_id"], as_text(rows(query), ordered=True)


def escape(text):
    return text.replace("/", "\\/")


def as_text(get, ordered=False):
    """Rows of a key and a count, the key as text."""

    def found(asked):
        got = [[str(key), n] for key, n in get(asked)]
        return got if ordered else sorted(got)

    return found


def numbers(get):
    def found(asked):
        return sorted([key, float(value)] for key, value in get(asked) if value not in (None, 0))

    return found


def compare(asked, truth, show=print):
    """Equal answers, refused ones, and all."""
    equal = refused = total = 0
    for name, want, get in questions(truth):
        total += 1
        began = time.perf_counter()
        try:
            got = get(asked)
        except servers.Refused as why:
            refused += 1
            show(f"             REFUSED {name}: {why}")
            continue
        took = (time.perf_counter() - began) * 1000
        equal += want == got
        show(f"{took:9.1f} ms  {'ok  ' if want == got else 'DIFF'} {name}" + ("" if want == got else f": want {str(want)[:300]}, got {str(got)[:300]}"))
    return equal, refused, total


class Asked(servers.Server):
    """A server that somebody else has started."""

    def __init__(self, address):
        self.http, self.connection = address, None


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        n_equal, n_refused, n_all = compare(Asked(sys.argv[1]), json.load(file))
    print(f"{n_equal} of {n_all} answers equal, {n_refused} refused")
    sys.exit(n_equal != n_all)
