//! The end of a run: tasks say their last word, and what the supervisor knows becomes the run's raw measurements.

use super::shared::{Command, Event, LastWord};
use super::supervisor::Supervisor;
use crate::engine::course::ending::{Facts, conclude};
use crate::engine::course::roster::{self, Member};
use crate::engine::course::verdict::Verdict;
use crate::engine::load::SHARE_OF_PERIOD;
use crate::engine::{NodeReport, Run, Watch};
use crate::metrics::result::Sockets;
use crate::metrics::{Histogram, Recorder};
use crate::transport::socket::Refusal;
use crate::wire::Command as Say;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long the tasks get for their last words.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long peers outside get to take the last messages.
const GOODBYE: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Ends all tasks and collects what they know.
    pub(super) async fn end(mut self, verdict: Verdict, watch: &mut dyn Watch) -> Run {
        let wall = Duration::from_nanos(self.shared.clock.wall());
        self.sample(wall);
        let mut snapshot = self.snapshot(wall);
        snapshot.details = self.details(wall);
        watch.update(&snapshot);
        self.shared.over.store(true, Ordering::Relaxed);
        for node in 0..self.shared.plan.nodes() {
            self.shared.command(node, Command::Quit);
        }
        let mut missing = self.members.len();
        while missing > 0 {
            match tokio::time::timeout(FAREWELL, self.events.recv_async()).await {
                Ok(Ok(event)) => {
                    missing -= usize::from(matches!(event, Event::Report(..)));
                    self.event(event);
                }
                Ok(Err(_)) | Err(_) => {
                    self.warnings.push(format!("{missing} tasks did not end in time"));
                    break;
                }
            }
        }
        self.farewell().await;
        self.finish(verdict)
    }

    /// Lets what nodes have said last to peers outside go out.
    async fn farewell(&self) {
        let Some(sockets) = &self.shared.sockets else { return };
        let calls = async {
            while sockets.is_calling_outside() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Who does not answer is not waited for.
        let _ = tokio::time::timeout(GOODBYE, calls).await;
    }

    /// Why the figures do not measure the scenario but this machine. Nine of ten timers, connections and calls must keep to
    /// a tenth of the shortest period: the rest is any system's noise.
    fn overloaded(&self, recorder: &Recorder) -> Vec<String> {
        let plan = &self.shared.plan;
        let period = plan.shortest_period.as_secs_f64() / plan.speedup;
        let most = period * SHARE_OF_PERIOD;
        if period <= 0.0 {
            return Vec::new();
        }
        let mut why = Vec::new();
        if recorder.timer_lateness_histogram().summary(1e9).p90 > most {
            why.push("timers came late by more than a tenth of the shortest period".to_owned());
        }
        let Some(sockets) = self.shared.sockets.as_ref().filter(|_| plan.speedup > 1.0) else { return why };
        let mut calls = Histogram::default();
        // Where links delay answers, calls take as long as the scenario says.
        if plan.links.is_none() {
            Say::all().for_each(|it| calls.merge(&recorder.rpc_histogram(it)));
        }
        for (what, took) in [("connecting", sockets.connecting()), ("a call", calls)] {
            let p90 = took.summary(1e9).p90;
            if p90 > most {
                why.push(format!(
                    "{what} took {:.1} ms of wall time (p90), more than a tenth of the shortest period, which is {:.1} ms at \
                     speedup {}",
                    p90 * 1e3,
                    period * 1e3,
                    plan.speedup
                ));
            }
        }
        why
    }

    fn finish(mut self, verdict: Verdict) -> Run {
        let plan = Arc::clone(&self.shared.plan);
        let (mut recorder, mut tracer, inputs) = self.shared.workers.merged();
        let sockets = self.shared.sockets.as_ref().map(|it| it.measured(&mut recorder));
        self.warnings.extend(sockets.as_ref().and_then(refusals));
        self.warnings.extend(self.shared.sockets.as_ref().and_then(|it| it.refusals_outside()));
        let overloaded = self.overloaded(&recorder);
        let report = |(it, word): (&Member, Option<Box<LastWord>>)| {
            let LastWord { sent, handled, bytes_sent, round_nanos, stage, waits_for } =
                *word.unwrap_or_default();
            NodeReport { sent, handled, bytes_sent, round_nanos, stage, waits_for, ..it.report() }
        };
        let reports: Vec<NodeReport> = self.members.iter().zip(self.words).map(report).collect();
        for (node, report) in (0..).zip(&reports) {
            if let Some(stage) = report.stage {
                tracer.last_stage(node, stage, verdict.end);
            }
        }
        tracer.merge(self.tracer);
        let run = conclude(Facts {
            verdict,
            zero: self.shared.zero(),
            warnings: self.warnings,
            faults: self.faults,
            script: self.script,
            nodes: roster::totals(self.members.iter()),
            reports,
            rounds: self.rounds,
            evaluator: self.evaluator,
            recorder,
            tracer,
            series: self.series,
            inputs,
            threads: plan.threads.max(1) as u32,
        });
        Run {
            overloaded,
            laps: self.laps,
            speedup: plan.speedup,
            interval_s: super::supervisor::TICK.as_secs_f64(),
            sockets,
            model: self.model,
            ..run
        }
    }
}

/// What was refused at the sockets, in a sentence. That a node is down is no news.
fn refusals(sockets: &Sockets) -> Option<String> {
    let refused = sockets.refused.iter().filter(|(why, _)| *why != Refusal::Down.name());
    let refused: Vec<String> = refused.map(|(why, count)| format!("{why} {count}")).collect();
    (!refused.is_empty()).then(|| {
        format!("connections or calls were refused at the sockets, by reason: {}", refused.join(", "))
    })
}
