// read.js LIBRARY FILE... - prints what hdr-histogram-js finds in HdrHistogram logs: for each file a line
// of JSON, a list of its intervals.
"use strict";
const fs = require("node:fs");
const hdr = require(process.argv[2]);

for (const path of process.argv.slice(3)) {
    const reader = new hdr.HistogramLogReader(fs.readFileSync(path, "utf8"));
    const intervals = [];
    for (let found = reader.nextIntervalHistogram(); found !== null; found = reader.nextIntervalHistogram()) {
        intervals.push({
            start_ms: found.startTimeStampMsec,
            end_ms: found.endTimeStampMsec,
            count: found.totalCount,
            p50_ns: found.getValueAtPercentile(50),
            p99_ns: found.getValueAtPercentile(99),
            max_ns: found.maxValue,
        });
    }
    console.log(JSON.stringify(intervals));
}
