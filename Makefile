.PHONY: demo dist test conformance test-faults abuse test-operations test-upgrade bench bench-smoke bench-ratios bench-door bench-webhooks accept publish files lint sbom pages pictures

demo: ## Serve a year of made-up data on SQLite.
	cargo run --release -- serve --demo

dist: ## Make the packages in target/dist: an archive, a Debian package, an image as an OCI layout.
	packaging/dist

test: ## Install what is missing, start private servers, run everything.
	tests/run

conformance: ## What other people's tools make of the documents and the server, in every language; `make test` takes the most used.
	HOURSMITH_CONFORMANCE=whole tests/run -p tests --test it -- conformance

test-faults: ## Kill servers, crash databases and fill disks while clients retry and webhooks are sent; prints the tables of docs/reliability.md.
	HOURSMITH_FAULTS=whole tests/run -p tests --test faults
	HOURSMITH_TEST_EVENTS=5000 tests/run -p tests --test it -- --nocapture webhook::program::killed

test-operations: ## The long form of backups under load and of poolers, in every mode and size; and of the packages, which it makes.
	HOURSMITH_TEST_OPERATIONS=whole tests/run -p tests --test it -- operations

test-upgrade: ## The release before this one, built from its tag or commit, beside this one, under load over a migration.
	tests/run -p tests --test it -- --nocapture operations::releases

abuse: ## Attack the program in every known way for 30 s each, on both databases, while another tenant works; prints the table of docs/reliability.md.
	HOURSMITH_ABUSE=whole tests/run -p tests --test abuse -- --nocapture

bench: ## Measure the program beside bare servers and a Node peer (about 20 minutes); writes docs/performance.md.
	tests/bench/run lab --write

bench-smoke: ## The same in about a minute on small data: fails when a request costs 1.5 times what is committed.
	tests/bench/run quick

bench-ratios: ## Take over the ratios that bench-smoke compares with.
	tests/bench/run quick --rounds 7 --write

bench-door: ## What the limiter and idempotency cost, in processor time, on both databases.
	tests/run --exec cargo bench --locked -p tests --bench door

bench-webhooks: ## How fast webhooks are delivered, on both databases.
	tests/run --exec cargo run --locked --release -p tests --example bench_webhooks

accept: files ## Update what is generated from the code: both OpenAPI documents, schema/schema.graphql and the generated pages of docs/.
	cargo build --quiet --workspace --bin hoursmith
	@set -e; print() { env -u HOURSMITH_PUBLIC_URL target/debug/hoursmith $$1 > $$2.new && mv $$2.new $$2; }; \
	print openapi api/openapi.json; print 'openapi --v3-0' api/openapi-3.0.json; print sdl schema/schema.graphql; \
	print errors docs/errors.md; print permissions docs/permissions.md

publish: ## Make the current OpenAPI document the published one, which later changes must not break; a step of a release.
	cp api/openapi.json api/published/openapi.json

files: ## Update docs/files.md, the list of files; needs no build.
	docs/list-files > docs/files.md.new && mv docs/files.md.new docs/files.md

lint: ## What a change must pass besides the tests; installs its pinned tools into target/tools.
	.ci/tools
	cargo fmt --all --check
	cargo fmt --manifest-path tests/sdk/Cargo.toml --check
	cargo fmt --manifest-path tests/bench/Cargo.toml --check
	cargo test --quiet --locked -p prose
	target/tools/bin/typos
	target/tools/bin/cargo-machete
	target/tools/bin/cargo-deny --locked check licenses bans sources
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

sbom: ## Write target/hoursmith.cdx.json: the libraries in the binary, as a CycloneDX document.
	.ci/sbom > target/hoursmith.cdx.json.new && mv target/hoursmith.cdx.json.new target/hoursmith.cdx.json

pictures: ## Take the pictures of the guides anew from a demo; the result is committed.
	tests/pictures

pages: ## Build the pages anew (needs Node); the result is committed.
	cd api/pages && npm ci && npm run build
