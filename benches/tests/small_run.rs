//! The benchmark itself, run small: against the naive peer, which doubles as the generator's test.

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--data", env!("CARGO_TARGET_TMPDIR")])
        .args(args)
        .output()
        .expect("the benchmark starts")
}

#[test]
fn every_scenario_reports_its_figures() {
    let json = format!("{}/small_run.json", env!("CARGO_TARGET_TMPDIR"));
    let output = bench(&[
        "--without-server",
        "--peer=naive",
        "--connections=40",
        "--rounds=1",
        "--deliveries=4000",
        "--idle-connections=40",
        "--history=3000",
        "--joins=2",
        "--latency-connections=20",
        "--json",
        &json,
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let figures = report["figures"].as_array().unwrap();
    for (case, subject, quantity) in [
        ("fanout 40, one at a time", "floor", "CPU ns per delivery"),
        ("fanout 40, one at a time", "naive", "times the floor"),
        ("fanout 40, 32 in flight", "naive", "times the floor"),
        ("idle 40", "naive", "bytes of RSS per connection"),
        ("join 3000, first", "naive", "CPU ns per message"),
        ("join 3000, later", "naive", "CPU ns per message"),
        ("latency 20", "floor", "us to the last, p99"),
        ("latency 20", "naive", "us to the last, p99"),
    ] {
        let found = figures.iter().find(|figure| {
            figure["case"] == case && figure["subject"] == subject && figure["quantity"] == quantity
        });
        let median = found.and_then(|figure| figure["median"].as_f64());
        assert!(
            median.is_some_and(|median| median > 0.0),
            "{case}, {subject}, {quantity}: {median:?}"
        );
    }
}

#[test]
fn a_server_that_does_not_start_fails_the_run_with_a_reason() {
    let output = bench(&["join", "--server=/bin/false"]);
    assert_eq!(output.status.code(), Some(2));
    let reason = String::from_utf8_lossy(&output.stderr);
    assert!(reason.contains("did not say where it listens"), "{reason}");
}
