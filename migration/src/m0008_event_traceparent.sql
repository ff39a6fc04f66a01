-- The trace of the request that has made an event (W3C Trace Context), passed on to receivers.
ALTER TABLE event ADD COLUMN traceparent TEXT;
