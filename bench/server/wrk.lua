-- What wrk has seen, as one line: requests, us, p50, p90, p99, p99.9 (us), statuses above 399, socket errors.
-- PUT=bytes in the environment: each request puts so many. Nothing here runs once a request.
local size = tonumber(os.getenv("PUT"))
if size then
    wrk.method = "PUT"
    wrk.body = string.rep("v", size)
end

done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("wrk,%d,%d,%d,%d,%d,%d,%d,%d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
