CREATE FUNCTION raise_access_epoch(workspace UUID) RETURNS VOID LANGUAGE sql AS $raise$
    INSERT INTO access_epoch (organization_id, epoch) VALUES (workspace, 1)
    ON CONFLICT (organization_id) DO UPDATE SET epoch = access_epoch.epoch + 1
$raise$;

CREATE FUNCTION organization_raises_access_epoch() RETURNS TRIGGER LANGUAGE plpgsql AS $raise$
BEGIN
    PERFORM raise_access_epoch(NEW.id);
    RETURN NULL;
END
$raise$;

-- Of members and tokens: the workspace that a row was in, and the one that it is in.
CREATE FUNCTION row_raises_access_epoch() RETURNS TRIGGER LANGUAGE plpgsql AS $raise$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM raise_access_epoch(OLD.organization_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.organization_id <> OLD.organization_id) THEN
        PERFORM raise_access_epoch(NEW.organization_id);
    END IF;
    RETURN NULL;
END
$raise$;

CREATE TRIGGER organization_made AFTER INSERT ON organization
    FOR EACH ROW EXECUTE FUNCTION organization_raises_access_epoch();
CREATE TRIGGER organization_changed AFTER UPDATE ON organization
    FOR EACH ROW WHEN ((OLD.name, OLD.plan, OLD.default_currency) IS DISTINCT FROM (NEW.name, NEW.plan, NEW.default_currency))
    EXECUTE FUNCTION organization_raises_access_epoch();
CREATE TRIGGER member_changed AFTER UPDATE OR DELETE ON member
    FOR EACH ROW EXECUTE FUNCTION row_raises_access_epoch();
-- When a token was last used says nothing of what it may.
CREATE TRIGGER token_changed AFTER UPDATE ON token
    FOR EACH ROW WHEN ((OLD.organization_id, OLD.id, OLD.member_id, OLD.prefix, OLD.hash, OLD.name, OLD.scope, OLD.expires_at, OLD.revoked_at)
        IS DISTINCT FROM (NEW.organization_id, NEW.id, NEW.member_id, NEW.prefix, NEW.hash, NEW.name, NEW.scope, NEW.expires_at, NEW.revoked_at))
    EXECUTE FUNCTION row_raises_access_epoch();
CREATE TRIGGER token_deleted AFTER DELETE ON token
    FOR EACH ROW EXECUTE FUNCTION row_raises_access_epoch();
-- Who is sent events.
CREATE TRIGGER webhook_endpoint_changed AFTER UPDATE ON webhook_endpoint
    FOR EACH ROW WHEN ((OLD.organization_id, OLD.id, OLD.events, OLD.enabled, OLD.deleted_at)
        IS DISTINCT FROM (NEW.organization_id, NEW.id, NEW.events, NEW.enabled, NEW.deleted_at))
    EXECUTE FUNCTION row_raises_access_epoch();
CREATE TRIGGER webhook_endpoint_made AFTER INSERT OR DELETE ON webhook_endpoint
    FOR EACH ROW EXECUTE FUNCTION row_raises_access_epoch();
