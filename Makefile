.PHONY: demo test test-faults bench-door bench-webhooks accept files lint pages

demo: ## Serve a year of made-up data on SQLite.
	cargo run --release -- serve --demo

test: ## Install what is missing, start private servers, run everything.
	tests/run

test-faults: ## Kill servers, crash databases and fill disks while clients retry and webhooks are sent; prints the tables of docs/reliability.md.
	HOURSMITH_FAULTS=whole tests/run -p tests --test faults
	HOURSMITH_TEST_EVENTS=5000 tests/run -p tests --test it -- --nocapture webhook::program::killed

bench-door: ## What the limiter and idempotency cost, in processor time, on both databases.
	tests/run --exec cargo bench --locked -p tests --bench door

bench-webhooks: ## How fast webhooks are delivered, on both databases.
	tests/run --exec cargo run --locked --release -p tests --example bench_webhooks

accept: files ## Update what is generated from the code: both OpenAPI documents, schema/schema.graphql and the generated pages of docs/.
	env -u HOURSMITH_PUBLIC_URL cargo run --quiet -- openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json
	env -u HOURSMITH_PUBLIC_URL cargo run --quiet -- openapi --v3-0 > api/openapi-3.0.json.new && mv api/openapi-3.0.json.new api/openapi-3.0.json
	cargo run --quiet -- sdl > schema/schema.graphql.new && mv schema/schema.graphql.new schema/schema.graphql
	cargo run --quiet -- errors > docs/errors.md.new && mv docs/errors.md.new docs/errors.md

files: ## Update docs/files.md, the list of files; needs no build.
	docs/list-files > docs/files.md.new && mv docs/files.md.new docs/files.md

lint: ## What a change must pass besides the tests.
	cargo fmt --all --check
	cargo fmt --manifest-path tests/sdk/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings

pages: ## Build the pages anew (needs Node); the result is committed.
	cd api/pages && npm ci && npm run build
