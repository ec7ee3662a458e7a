"""The queries of the log table in the design's list of targets, asked again and again: wall time and the server's CPU time.

Used by `logs.py`; times in ms.
"""
import time

import server as servers

RUNS = 7
# Name; VictoriaLogs 1.26 on this data, median wall / CPU; target (wall, 4M messages, 2 cores).
TABLE = {
    "needle, newest 100": (10, 18, 3),
    "rare id": (3.0, 4.3, 2),
    "word + field, newest 100": (12, 17, 6),
    "count per minute": (59, 113, 20),
    "count by service": (1.4, 1.6, 1.4),
    "count by user id, top 10": (230, 447, 90),
    "p95 by service": (333, 605, 50),
    "substring, count": (451, 841, 200),
    "regex, count": (571, 1079, 250),
    "phrase, count": (13, 21, 8),
    "phrase, newest 100": (3.7, 4.1, None),
    "common word, any case, count": (826, 1549, 60),
}


def queries(truth):
    """Name → call and parameters; where a server does not know the first call, the second one asks for the same."""
    span = {"start": truth["first_ms"] // 1000 - 60, "end": truth["last_ms"] // 1000 + 60}
    request = next(iter(truth["request_id"]))
    words = truth["word_any_case"]
    common = max(words, key=words.get)

    def counted(query):
        return [("count", {"query": query}), ("histogram", {"query": query, "step": 86400})]

    asked = {
        "needle, newest 100": [("search", {"query": truth["needle"], "limit": 100})],
        "rare id": [("search", {"query": f"request_id:{request}", "limit": 100})],
        "word + field, newest 100": [("search", {"query": "message:error service:order-service", "limit": 100})],
        "count per minute": [("histogram", {"query": "", "step": 60})],
        "count by service": [
            ("stats", {"query": "* | stats by (service) count() n | sort by (n desc) limit 10"}),
            ("histogram", {"query": "", "step": 86400, "by": "service"}),
        ],
        "count by user id, top 10": [
            ("stats", {"query": "* | stats by (user_id) count() n | sort by (n desc) limit 10"}),
            ("histogram", {"query": "", "step": 86400, "by": "user_id"}),
        ],
        "p95 by service": [("stats", {"query": "* | stats by (service) p95(duration_ms) p"})],
        "substring, count": counted("message:/eption/") + counted("message:*eption*"),
        "regex, count": counted("message:/connect.*refused/"),
        "phrase, count": counted('message:"connection refused"'),
        "phrase, newest 100": [("search", {"query": 'message:"connection refused"', "limit": 100})],
        "common word, any case, count": counted(f"message:{common}"),
    }
    return {name: [(call, {**span, **parameters}) for call, parameters in ways] for name, ways in asked.items()}


def way(asked, ways):
    """The first way that the server answers; none where it refuses all."""
    for call, parameters in ways:
        try:
            asked.logs(call, **parameters)
            return call, parameters
        except servers.Refused:
            pass
    return None


def once(asked, call, parameters):
    """Wall and CPU time of one query."""
    cpu, began = asked.cpu(), time.perf_counter()
    asked.logs(call, **parameters)
    wall = time.perf_counter() - began
    return wall * 1000, (asked.cpu() - cpu) * 1000


def warm(asked, truth, runs=RUNS):
    """Name → median wall and CPU; None where the server has no such query."""
    found = {}
    for name, ways in queries(truth).items():
        chosen = way(asked, ways)
        if chosen is None:
            found[name] = None
            continue
        taken = [once(asked, *chosen) for _ in range(runs)]
        found[name] = (servers.median([wall for wall, _ in taken]), servers.median([cpu for _, cpu in taken]))
    return found


def cold(start, truth, runs=1):
    """As `warm`, each time with a server just started by `start` and an empty page cache (where the kernel allows it)."""
    found = {}
    for name, ways in queries(truth).items():
        taken = []
        for _ in range(runs):
            dropped = servers.drop_page_cache()
            asked = start()
            for call, parameters in ways:
                try:
                    taken.append(once(asked, call, parameters))
                    break
                except servers.Refused:
                    pass
            asked.stop()
        found[name] = (servers.median([wall for wall, _ in taken]), servers.median([cpu for _, cpu in taken])) if taken else None
    return found, dropped


def print_table(title, warm_found, cold_found, messages, scale):
    """Ours, target and yardstick; `scale` turns CPU of this machine into that of the yardstick's."""
    print(f"\n{title}, {messages} messages; wall / CPU ms, medians of {RUNS}; CPU x {scale:.2f} is compared with the yardstick's")
    print("| query | warm | cold | target, 4M | VictoriaLogs 1.26, 4M | CPU, ours to VictoriaLogs' |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (wall, cpu, target) in TABLE.items():
        ratio = warm_found[name][1] * scale / cpu * (4_000_000 / messages) if warm_found.get(name) else None
        cells = [name, pair(warm_found.get(name)), pair(cold_found.get(name)), f"≤ {target}" if target else "-", f"{wall} / {cpu}"]
        cells.append(f"{ratio:.2f}" if ratio is not None else "-")
        print("| " + " | ".join(cells) + " |")


def pair(times):
    return f"{times[0]:.1f} / {times[1]:.1f}" if times else "-"
