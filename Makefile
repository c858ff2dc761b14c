# `make check` is what continuous integration runs.
.PHONY: check build test train

check:
	./.ci/run

build:
	cargo build --release

test:
	cargo test --release --workspace

train:
	cargo run --release -- train
