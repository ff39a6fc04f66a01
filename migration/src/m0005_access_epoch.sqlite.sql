CREATE TRIGGER organization_made AFTER INSERT ON organization BEGIN
    INSERT INTO access_epoch (organization_id, epoch) VALUES (NEW.id, 1)
    ON CONFLICT (organization_id) DO UPDATE SET epoch = epoch + 1;
END;
CREATE TRIGGER organization_changed AFTER UPDATE ON organization
WHEN (OLD.name, OLD.plan, OLD.default_currency) IS NOT (NEW.name, NEW.plan, NEW.default_currency) BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id = NEW.id;
END;
CREATE TRIGGER member_changed AFTER UPDATE ON member BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id IN (OLD.organization_id, NEW.organization_id);
END;
CREATE TRIGGER member_deleted AFTER DELETE ON member BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id = OLD.organization_id;
END;
CREATE TRIGGER token_changed AFTER UPDATE ON token
WHEN (OLD.organization_id, OLD.id, OLD.member_id, OLD.prefix, OLD.hash, OLD.name, OLD.scope, OLD.expires_at, OLD.revoked_at)
    IS NOT (NEW.organization_id, NEW.id, NEW.member_id, NEW.prefix, NEW.hash, NEW.name, NEW.scope, NEW.expires_at, NEW.revoked_at) BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id IN (OLD.organization_id, NEW.organization_id);
END;
CREATE TRIGGER token_deleted AFTER DELETE ON token BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id = OLD.organization_id;
END;
-- Who is sent events.
CREATE TRIGGER webhook_endpoint_made AFTER INSERT ON webhook_endpoint BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id = NEW.organization_id;
END;
CREATE TRIGGER webhook_endpoint_changed AFTER UPDATE ON webhook_endpoint
WHEN (OLD.organization_id, OLD.id, OLD.events, OLD.enabled, OLD.deleted_at)
    IS NOT (NEW.organization_id, NEW.id, NEW.events, NEW.enabled, NEW.deleted_at) BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id IN (OLD.organization_id, NEW.organization_id);
END;
CREATE TRIGGER webhook_endpoint_deleted AFTER DELETE ON webhook_endpoint BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 WHERE organization_id = OLD.organization_id;
END;
