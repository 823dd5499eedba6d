"""rivals_tables.py - figures of all rounds -> rows that a person reads.

A cell of several rounds is a median with the least and the most. A row of which a round failed shows the
failure and no figure: what was dropped did not cost anything.
"""
import statistics

FIGURES = "<!-- figures -->"
FIGURES_END = "<!-- /figures -->"
NOTES = {
    "*": "hubload was the limit, not the server (its thread was busy and the server was not): the figure is too low.",
}


def plain(value):
    """Three digits, more before the point."""
    return "%.0f" % value if value >= 99.95 else "%#.3g" % value if value else "0"


def count_text(value):
    for unit, size in ((" M", 1e6), (" k", 1e3)):
        if value >= size:
            return plain(value / size) + unit
    return plain(value)


def time_text(ns):
    for unit, size in ((" s", 1e9), (" ms", 1e6), (" us", 1e3)):
        if ns >= size:
            return plain(ns / size) + unit
    return plain(ns) + " ns"


def cpu_of(run):
    server = run.get("server")
    return server["user_ns_per_delivery"] + server["system_ns_per_delivery"] if server else None


def percentile_of(record, key):
    """None where no message was due while measuring: a full window can hold the publisher up that long."""
    return record[key] if record["count"] else None


# Columns: title, figure of one run, text of one figure.
DELIVERIES = ("deliveries/s", lambda run: run["deliveries_per_s"], count_text)
CPU = ("server CPU/delivery", cpu_of, time_text)
PER_READ = ("messages/read", lambda run: run["messages_per_read"], plain)
P50 = ("p50", lambda run: percentile_of(run["latency"], "p50_ns"), time_text)
P99 = ("p99", lambda run: percentile_of(run["latency"], "p99_ns"), time_text)
COMPLETION = ("completion p99", lambda run: percentile_of(run["completion"], "p99_ns"), time_text)
COLUMNS = [DELIVERIES, CPU, PER_READ, P50, P99, COMPLETION]


def is_whole(run):
    """Every message arrived everywhere, once, in order, undamaged."""
    return run["complete"] and not run["interrupted"] and run["delivered"] == run["expected"]


def failure_of(result):
    """What went wrong in a result's rounds, or an empty text."""
    bad = [run for run in result["runs"] if not is_whole(run)]
    if bad:
        faults = ["%d %s" % (sum(run[kind] for run in bad), kind)
                  for kind in ("lost", "duplicated", "reordered", "corrupted", "foreign")
                  if sum(run[kind] for run in bad)]
        return "FAILED in %d of %d rounds: %s" % (len(bad), len(result["runs"]), ", ".join(faults) or "interrupted")
    if result.get("failure"):
        return "FAILED: " + result["failure"]
    return "" if result["runs"] else "FAILED: no run"


def instead_of(result):
    """What a row says in place of figures, or an empty text."""
    if any(run["deliveries_per_s"] == 0 for run in result["runs"]):
        return failure_of(result) or "no figure: nothing arrived while it was measured"
    return failure_of(result)


def mark_of(result):
    bound = sum(run["verdict"] != "valid" for run in result["runs"])
    return "*" if bound * 2 > len(result["runs"]) else ""


def figures(result, column):
    values = [column[1](run) for run in result["runs"]]
    return [value for value in values if value is not None]


def cell(result, column, spread=True):
    values = figures(result, column)
    if not values:
        return "-"
    middle = column[2](statistics.median(values))
    if not spread or len(values) < 2:
        return middle
    return "%s (%s - %s)" % (middle, column[2](min(values)), column[2](max(values)))


def full_rows(results, spread=True):
    """results: {server name: result} of one scenario. The header, then a row a server."""
    rows = [["server"] + [column[0] for column in COLUMNS]]
    rounds = max((len(result["runs"]) for result in results.values()), default=0)
    for name, result in results.items():
        instead = instead_of(result)
        if instead:
            rows.append([name, instead] + [""] * (len(COLUMNS) - 1))
        else:
            few = " (%d rounds)" % len(result["runs"]) if len(result["runs"]) < rounds else ""
            rows.append([name + mark_of(result) + few] + [cell(result, column, spread) for column in COLUMNS])
    return rows


def text_table(rows):
    widths = [max(len(row[i]) for row in rows if row[2] or i == 0)
              for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(rows):
    lines = ["| " + " | ".join(rows[0]) + " |", "|---|" + "---:|" * (len(rows[0]) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    return "\n".join(lines)


def noise(all_results):
    """Sentences: how far apart the two measurements of one program are, by scenario."""
    lines = []
    for title, results in all_results.items():
        one, other = results.get("ceiling-send"), results.get("ceiling-again")
        if not one or not other or instead_of(one) or instead_of(other):
            continue
        parts = []
        for column in (P50, P99, CPU) if is_open(one) else (DELIVERIES, CPU):
            values = [statistics.median(figures(result, column) or [0]) for result in (one, other)]
            if min(values) > 0:
                parts.append("%s %.1f %%" % (column[0], 100 * abs(values[1] - values[0]) / min(values)))
        lines.append("%s: %s" % (title, ", ".join(parts)))
    return lines


def marks_used(all_results):
    used = {mark_of(result) for results in all_results.values() for result in results.values()
            if not instead_of(result)}
    return [mark + " " + note for mark, note in NOTES.items() if mark in used]


def is_open(result):
    return result["scenario"]["rate"] != 0


def short_tables(all_results):
    """What README shows: closed loops side by side, then each open loop."""
    closed = {title: results for title, results in all_results.items()
              if results and not any(is_open(result) for result in results.values())}
    parts = []
    names = list(dict.fromkeys(name for results in all_results.values() for name in results))
    if closed:
        rows = [["deliveries/s (server CPU each)"] + list(closed)]
        for name in names:
            row = [name]
            for results in closed.values():
                row.append(short_cell(results.get(name)))
            rows.append(row)
        parts.append("As fast as every subscriber keeps up, median of the rounds:\n\n" + markdown_table(rows))
    for title, results in all_results.items():
        if title in closed or not results:
            continue
        rows = [["latency", "p50", "p99", "completion p99", "server CPU/delivery"]]
        for name, result in results.items():
            instead = instead_of(result)
            rows.append([name, instead, "", "", ""] if instead else
                        [name + mark_of(result)] +
                        [cell(result, column, False) for column in (P50, P99, COMPLETION, CPU)])
        parts.append("At a steady rate, %s; completion is when the last subscriber has it:\n\n%s"
                     % (title, markdown_table(rows)))
    return "\n\n".join(parts)


def short_cell(result):
    if result is None:
        return "-"
    if instead_of(result):
        return "FAILED" if failure_of(result) else "-"
    return "%s%s (%s)" % (cell(result, DELIVERIES, False), mark_of(result), cell(result, CPU, False))


def replace_figures(page, text):
    """The page with text between its two marks."""
    begin, end = page.find(FIGURES), page.find(FIGURES_END)
    if begin < 0 or end < begin:
        raise ValueError("the page has no %s … %s" % (FIGURES, FIGURES_END))
    return page[:begin + len(FIGURES)] + "\n\n" + text.strip() + "\n\n" + page[end:]
