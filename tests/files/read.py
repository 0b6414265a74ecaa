"""Reads the files of a result folder with readers that know nothing of p2pfl-sim; what it finds goes to stdout as JSON."""

import csv
import json
import re
import sys
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

DAY = 24 * 3600 * 10**9


def log(folder):
    """Every interval of the log, and what those of one tag have together."""
    whole = HdrHistogram(1, DAY, 2)
    reader = HistogramLogReader(str(folder / "intervals.hlog"), whole)
    intervals, together = [], {}
    while interval := reader.get_next_interval_histogram():
        tag = interval.get_tag()
        start, end = interval.get_start_time_stamp(), interval.get_end_time_stamp()
        intervals.append({"tag": tag, "start_ms": start, "end_ms": end, "count": interval.get_total_count()})
        together.setdefault(tag, HdrHistogram(1, DAY, 2)).add(interval)
    return intervals, together


def percentiles(path):
    """A percentile distribution, by the pattern that HdrHistogram's plotter uses."""
    line = re.compile(r"^\s*(\d+\.\d+)\s+(\d+\.\d+)\s+(\d+)(?:\s+(\d+\.\d+|Infinity))?\s*$")
    lines = path.read_text().splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"], lines[0]
    steps = [tuple(map(float, found.groups()[:3])) for found in map(line.match, lines) if found]
    rest = [it for it in lines[1:] if it and not line.match(it)]
    assert len(rest) == 3 and all(it.startswith("#[") for it in rest), rest
    return steps


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return sum(int(row[name]) for row in rows)


def main(folder):
    intervals, together = log(folder)
    found = {"intervals": intervals, "percentiles": {}, "counts": {}}
    for path in sorted((folder / "histograms").glob("*.hgrm")):
        steps = percentiles(path)
        assert steps == sorted(steps), path
        found["counts"][path.stem] = steps[-1][2]
        if path.stem in together:
            # Two histograms of the same values, one of three digits and one of two.
            total = steps[-1][2]
            at = lambda count: together[path.stem].get_value_at_percentile(100 * count / total) / 1e6
            ours = [(value, at(count)) for value, _, count in steps]
            found["percentiles"][path.stem] = max(abs(a - b) / max(a, b, 1e-6) for a, b in ours)
    nodes, messages = table(folder / "nodes.csv"), table(folder / "messages.csv")
    commands = [row for row in messages if row["command"] != "total"]
    found["nodes"] = {"rows": len(nodes), "handled": column(nodes, "messages_handled"), "bytes": column(nodes, "bytes_sent")}
    found["messages"] = {"sent": column(commands, "sent"), "payload": column(commands, "payload_bytes")}
    found["rounds"] = [float(row["ended_s"]) for row in table(folder / "rounds.csv")]
    found["series"] = {"handled": column(table(folder / "series.csv"), "messages")}
    events = folder / "events.jsonl"
    if events.exists():
        with events.open() as lines:
            found["events"] = sum(1 for line in lines if "event" in json.loads(line))
    json.dump(found, sys.stdout)


main(Path(sys.argv[1]))
