//! Nodes that lie about what they have learnt: what comes of their training is not what training gives.
//!
//! The lie is told by the learner, so that nodes and engines know nothing of it: a node that lies sends, mixes and
//! aggregates its corrupted model as it would an honest one. How it tampers with messages is not here: it does not.

pub mod spec;

use super::dataset::Remark;
use super::error::LearningError;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::{Model, Precision};
use super::tensors::State;
use crate::format::distribution::standard_normal;
use crate::format::selection::{Fault, groups};
use crate::random::{Purpose, Stream};
use spec::{Attack, Byzantine};
use std::sync::Arc;

/// The number under which random attackers are drawn; no script has an entry of it.
const ENTRY: usize = u32::MAX as usize;

impl Byzantine {
    /// The nodes of each group of attackers, ascending. Random ones are drawn from those that no group names.
    ///
    /// # Errors
    /// If nodes do not exist, or fewer are left than are to be drawn.
    pub fn resolve(&self, nodes: u32, seed: u64) -> Result<Vec<Vec<u32>>, Fault> {
        let sets: Vec<_> = self.0.iter().map(|attackers| &attackers.nodes).collect();
        groups(&sets, nodes, seed, ENTRY)
    }
}

/// A learner some of whose nodes lie.
struct Corrupted {
    honest: Arc<dyn Learner>,
    seed: u64,
    /// Who attacks, ascending, and how.
    attacks: Vec<(Vec<u32>, Attack)>,
}

/// `honest`, but for the nodes that lie; `honest` itself if none does.
///
/// # Errors
/// If a scenario that was not checked names nodes that do not exist.
pub(super) fn corrupt(
    honest: Arc<dyn Learner>,
    byzantine: &Byzantine,
    nodes: u32,
    seed: u64,
) -> Result<Arc<dyn Learner>, LearningError> {
    if byzantine.is_empty() {
        return Ok(honest);
    }
    let groups = byzantine.resolve(nodes, seed).map_err(|fault| LearningError::Setting {
        field: "byzantine".into(),
        message: format!("does not fit: {fault}"),
    })?;
    let attacks = groups.into_iter().zip(byzantine.0.iter().map(|it| it.attack.clone())).collect();
    Ok(Arc::new(Corrupted { honest, seed, attacks }))
}

impl Corrupted {
    fn attack(&self, node: u32) -> Option<&Attack> {
        let attacks = |(nodes, _): &&(Vec<u32>, Attack)| nodes.binary_search(&node).is_ok();
        self.attacks.iter().find(attacks).map(|(_, attack)| attack)
    }
}

impl Learner for Corrupted {
    fn initial(&self, node: u32) -> Arc<Model> {
        self.honest.initial(node)
    }

    fn train(&self, node: u32, round: u32, epochs: u32, start: &Model, state: &mut State) -> Model {
        match self.attack(node) {
            None => self.honest.train(node, round, epochs, start, state),
            Some(Attack::SignFlip(it)) => {
                let trained = self.honest.train(node, round, epochs, start, state);
                changed(&trained, start, |trained, start| start - it.scale * (trained - start))
            }
            Some(Attack::Random(it)) => {
                let mut random =
                    Stream::new(self.seed, u64::from(node), Purpose::Byzantine, u64::from(round));
                changed(start, start, |_, _| it.scale * standard_normal(&mut random))
            }
            Some(Attack::Stale(_)) => (*self.honest.initial(node)).clone(),
        }
    }

    fn training_work(&self, node: u32, epochs: u32) -> u64 {
        self.honest.training_work(node, epochs)
    }

    fn evaluation_work(&self) -> u64 {
        self.honest.evaluation_work()
    }

    fn data_bytes(&self) -> DataBytes {
        self.honest.data_bytes()
    }

    fn evaluate(&self, model: &Model) -> Option<Evaluation> {
        self.honest.evaluate(model)
    }

    fn evaluate_local(&self, node: u32, model: &Model) -> Option<Evaluation> {
        self.honest.evaluate_local(node, model)
    }

    fn samples(&self, node: u32) -> u32 {
        self.honest.samples(node)
    }

    fn remarks(&self) -> &[Remark] {
        self.honest.remarks()
    }
}

/// A model whose values are made of those of two others, in their order; one that only weighs stays as it is.
fn changed(model: &Model, other: &Model, mut value: impl FnMut(f64, f64) -> f64) -> Model {
    if model.is_synthetic() {
        return model.clone();
    }
    if model.layout().precision() == Precision::Double {
        let pairs = model.doubles().iter().zip(other.doubles());
        let values: Vec<f64> = pairs.map(|(a, b)| value(*a, *b)).collect();
        return Model::double(model.layout().clone(), &values);
    }
    let pairs = model.values().iter().zip(other.values());
    let values = pairs.map(|(a, b)| value(f64::from(*a), f64::from(*b)) as f32).collect();
    Model::new(model.layout().clone(), values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::spec::Learning;
    use crate::learning::{build, fedavg};
    use std::path::Path;

    const NODES: u32 = 10;

    fn learner(byzantine: &str) -> Arc<dyn Learner> {
        let text = format!(r#"{{ "learning_rate": 0.5, "byzantine": {byzantine} }}"#);
        let spec: Learning = serde_json::from_str(&text).unwrap();
        build(&spec, NODES, 5, None, Path::new("")).unwrap()
    }

    fn same(a: &Model, b: &Model) -> bool {
        a.digest() == b.digest()
    }

    #[test]
    fn a_flipped_sign_is_the_opposite_of_what_was_learnt() {
        let (honest, lying) =
            (learner("[]"), learner(r#"{ "nodes": 3, "attack": { "kind": "sign_flip", "scale": 2 } }"#));
        let start = honest.initial(0);
        let (right, wrong) =
            (honest.train(3, 1, 2, &start, &mut None), lying.train(3, 1, 2, &start, &mut None));
        for ((start, right), wrong) in start.values().iter().zip(right.values()).zip(wrong.values()) {
            assert!((wrong - (start - 2.0 * (right - start))).abs() < 1e-5, "{start} {right} {wrong}");
        }
        assert!(
            same(&honest.train(4, 1, 2, &start, &mut None), &lying.train(4, 1, 2, &start, &mut None)),
            "others learn"
        );
        assert!(same(&honest.initial(3), &lying.initial(3)), "it begins as others do");
    }

    #[test]
    fn noise_has_its_scale_and_is_another_in_every_round_and_node() {
        let lying = learner(r#"{ "nodes": "3-4", "attack": { "kind": "random", "scale": 7 } }"#);
        let start = lying.initial(0);
        let noise = lying.train(3, 1, 1, &start, &mut None);
        let mean_square =
            noise.values().iter().map(|it| f64::from(it * it)).sum::<f64>() / noise.values().len() as f64;
        assert!((mean_square.sqrt() / 7.0 - 1.0).abs() < 0.1, "{mean_square}");
        assert!(
            same(&noise, &lying.train(3, 1, 5, &lying.initial(1), &mut None)),
            "it depends on node and round alone"
        );
        assert!(
            !same(&noise, &lying.train(3, 2, 1, &start, &mut None))
                && !same(&noise, &lying.train(4, 1, 1, &start, &mut None))
        );
    }

    #[test]
    fn a_stale_model_never_changes() {
        let lying = learner(r#"[{ "nodes": [2], "attack": { "kind": "stale" } }]"#);
        for round in 0..3 {
            assert!(same(&lying.train(2, round, 1, &lying.initial(7), &mut None), &lying.initial(2)));
        }
    }

    #[test]
    fn random_attackers_are_as_many_as_asked_for_and_of_one_kind_each() {
        let text = r#"[
            { "nodes": [0, { "random": 3 }], "attack": { "kind": "stale" } },
            { "nodes": { "random": 5 }, "attack": { "kind": "random" } }
        ]"#;
        let groups = serde_json::from_str::<Byzantine>(text).unwrap().resolve(NODES, 5).unwrap();
        let mut all = groups.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!((groups[0].len(), groups[1].len(), all.len()), (4, 5, 9));
    }

    #[test]
    fn enough_attackers_keep_the_others_from_learning() {
        let accuracy = |attackers: &str, kind: &str| {
            let byzantine = format!(r#"{{ "nodes": {attackers}, "attack": {{ {kind} }} }}"#);
            let learner = learner(if attackers.is_empty() { "[]" } else { &byzantine });
            let mut model = learner.initial(0);
            for round in 0..6 {
                let train = |node| Arc::new(learner.train(node, round, 1, &model, &mut None));
                let trained: Vec<_> =
                    (0..NODES).map(|node| (train(node), f64::from(learner.samples(node)))).collect();
                model = Arc::new(fedavg(&trained));
            }
            learner.evaluate(&model).and_then(|it| it.accuracy).unwrap()
        };
        let honest = accuracy("", "");
        assert!(honest > 0.85, "{honest}");
        let flipped = accuracy("\"0-2\"", r#""kind": "sign_flip", "scale": 4"#);
        let noisy = accuracy("\"0-2\"", r#""kind": "random", "scale": 50"#);
        let stale = accuracy("\"0-8\"", r#""kind": "stale""#);
        for lied in [flipped, noisy, stale] {
            assert!(lied < honest - 0.2, "{honest}: {flipped} {noisy} {stale}");
        }
    }

    #[test]
    fn models_in_double_precision_are_lied_about_to_their_last_bit() {
        let text = r#"{ "model": { "kind": "quadratic", "dimension": 3 }, "learning_rate": 0.25,
                        "byzantine": { "nodes": 1, "attack": { "kind": "sign_flip", "scale": 3 } } }"#;
        let spec: Learning = serde_json::from_str(text).unwrap();
        let lying = build(&spec, NODES, 5, None, Path::new("")).unwrap();
        let honest =
            build(&Learning { byzantine: Byzantine::default(), ..spec }, NODES, 5, None, Path::new(""))
                .unwrap();
        let start = honest.initial(0);
        let (right, wrong) =
            (honest.train(1, 0, 1, &start, &mut None), lying.train(1, 0, 1, &start, &mut None));
        for ((start, right), wrong) in start.doubles().iter().zip(right.doubles()).zip(wrong.doubles()) {
            assert_eq!(*wrong, start - 3.0 * (right - start));
        }
        assert_eq!(wrong.doubles().len(), 3);
    }
}
