-- Charges both buckets of a token in one step (GCRA), by the clock of this server, in microseconds.
-- A bucket is stored as "<the time when it is full>:<the refill time of one unit>", and is deleted when it is full.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local request, points, again = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function bucket(key, size, window)
  local b = { key = key, size = size, window = window, interval = window / size, slack = window / 100000, owed = 0 }
  local stored = redis.call('GET', key)
  if stored then
    local full_at, interval = string.match(stored, '^([%d.]+):([%d.]+)$')
    if full_at and tonumber(interval) > 0 then
      -- Units spent on another plan stay spent. A clock that went back never makes a debt above one whole bucket.
      b.owed = math.max(0, (tonumber(full_at) - now) * b.interval / tonumber(interval))
      b.owed = math.min(b.owed, window + b.slack)
    end
  end
  return b
end

local function take(b, n)
  if n == 0 then return true end
  local owed = b.owed + n * b.interval
  if owed > b.window + b.slack then return false end
  b.owed = owed
  local stored = string.format('%.3f:%.6f', now + owed, b.interval)
  redis.call('SET', b.key, stored, 'PX', math.ceil(owed / 1000) + 1)
  return true
end

-- The units left, the time until the bucket is full, and the time until it has room for `n` more.
local function level(b, n)
  local left = math.min(b.size, math.floor((b.window + b.slack - b.owed) / b.interval))
  return math.max(0, left), math.ceil(b.owed), math.max(0, math.ceil(b.owed + n * b.interval - b.window))
end

local burst = bucket(KEYS[1], tonumber(ARGV[4]), tonumber(ARGV[5]))
local sustained = bucket(KEYS[2], tonumber(ARGV[6]), tonumber(ARGV[7]))
-- The burst bucket is charged first: its refusal takes no points.
local admitted = take(burst, request) and take(sustained, points)

local burst_left, burst_full_in, burst_wait = level(burst, 1)
local sustained_left, sustained_full_in, sustained_wait = level(sustained, again)
return { admitted and 1 or 0, burst_left, burst_full_in, burst_wait, sustained_left, sustained_full_in, sustained_wait }
