-- How members sign in to the settings pages. Of every secret only the SHA-256 is stored. Found by hash or by the id of a
-- credential before the workspace is known: indexes that the workspace does not lead.
CREATE TABLE login_link (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    member_id $uuid NOT NULL,
    hash $bytes NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, member_id) REFERENCES member (organization_id, id)
);
CREATE INDEX login_link_by_expiry ON login_link (expires_at);

-- expires_at moves with use, at most to ends_at. sign_in_method is link, passkey or oidc.
CREATE TABLE session (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    member_id $uuid NOT NULL,
    hash $bytes NOT NULL UNIQUE,
    sign_in_method TEXT NOT NULL,
    device TEXT,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, member_id) REFERENCES member (organization_id, id)
);
CREATE INDEX session_by_member ON session (organization_id, member_id, created_at, id);
CREATE INDEX session_by_expiry ON session (expires_at);

-- credential is what the WebAuthn library has to remember: the public key, the counter and flags, as JSON.
CREATE TABLE passkey (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    member_id $uuid NOT NULL,
    name TEXT NOT NULL,
    credential_id $bytes NOT NULL UNIQUE,
    credential TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    removed_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, member_id) REFERENCES member (organization_id, id)
);
CREATE INDEX passkey_by_member ON passkey (organization_id, member_id, created_at, id);

-- Challenges and states of sign-ins that have succeeded. They travel sealed through the browser, so that an attempt writes
-- nothing; one that is listed here is not accepted again. Of no workspace, since none is known when it is made.
CREATE TABLE spent_challenge (
    hash $bytes NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_challenge_by_expiry ON spent_challenge (expires_at);
