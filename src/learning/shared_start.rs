//! One initial model for all nodes. D-PSGD's analysis has a single x₀ (Lian et al. 2017), and networks that are averaged
//! must begin alike: hidden units of models drawn apart do not correspond, so that their mean is none of them.

use super::dataset::Remark;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::Model;
use super::tensors::State;
use std::sync::Arc;

/// A learner whose nodes all begin with the initial model of one of them.
pub struct SharedStart {
    learner: Arc<dyn Learner>,
    model: Arc<Model>,
}

impl SharedStart {
    /// `learner`, whose nodes begin with what `node` would begin with.
    pub fn of(learner: Arc<dyn Learner>, node: u32) -> Self {
        Self { model: learner.initial(node), learner }
    }
}

impl Learner for SharedStart {
    fn initial(&self, _node: u32) -> Arc<Model> {
        Arc::clone(&self.model)
    }

    fn train(&self, node: u32, round: u32, epochs: u32, start: &Model, state: &mut State) -> Model {
        self.learner.train(node, round, epochs, start, state)
    }

    fn training_work(&self, node: u32, epochs: u32) -> u64 {
        self.learner.training_work(node, epochs)
    }

    fn evaluation_work(&self) -> u64 {
        self.learner.evaluation_work()
    }

    fn data_bytes(&self) -> DataBytes {
        self.learner.data_bytes()
    }

    fn remarks(&self) -> &[Remark] {
        self.learner.remarks()
    }

    fn evaluate(&self, model: &Model) -> Option<Evaluation> {
        self.learner.evaluate(model)
    }

    fn evaluate_local(&self, node: u32, model: &Model) -> Option<Evaluation> {
        self.learner.evaluate_local(node, model)
    }

    fn samples(&self, node: u32) -> u32 {
        self.learner.samples(node)
    }
}

#[cfg(test)]
mod tests {
    use crate::learning::build;
    use crate::learning::spec::Learning;
    use std::path::Path;

    /// The digests of the initial models of four nodes.
    fn digests(model: &str, origin: Option<u32>) -> Vec<u64> {
        let spec: Learning = serde_json::from_str(&format!(r#"{{ "model": {model} }}"#)).expect("a block");
        let learner = build(&spec, 4, 1, origin, Path::new("")).expect("a learner");
        (0..4).map(|node| learner.initial(node).digest()).collect()
    }

    #[test]
    fn all_nodes_begin_with_the_model_of_the_origin() {
        for model in [r#"{ "kind": "softmax" }"#, r#"{ "kind": "mlp" }"#, r#"{ "kind": "quadratic" }"#] {
            let own = digests(model, None);
            assert_eq!(digests(model, Some(2)), [own[2]; 4], "{model}");
            assert!(own[0] != own[1] && own[1] != own[2] && own[2] != own[3], "{model}");
        }
    }

    #[test]
    fn what_is_said_of_the_data_is_said_of_a_shared_start_too() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let rows: String = (0..60).map(|row| format!("{row},{},{}\n", row % 7, row % 2)).collect();
        std::fs::write(folder.path().join("data.csv"), format!(",x,label\n{rows}")).expect("a file");
        let text = r#"{ "dataset": { "kind": "csv", "train": "data.csv" } }"#;
        let spec: Learning = serde_json::from_str(text).expect("a block");
        let said = |origin| {
            let it = build(&spec, 4, 1, origin, folder.path()).expect("a learner");
            (it.remarks().to_vec(), it.data_bytes(), it.evaluation_work())
        };
        let own = said(None);
        assert!(own.0.iter().any(|it| it.code == "row-numbers") && own.1.held > 0 && own.2 > 0, "{own:?}");
        assert_eq!(said(Some(0)), own);
    }

    #[test]
    fn vectors_to_be_averaged_differ_by_purpose() {
        let model = r#"{ "kind": "averaging", "init": "index" }"#;
        assert_eq!(digests(model, Some(2)), digests(model, None));
    }
}
