//! Layers of linear units: forward, backward and the step of gradient descent. Multinomial logistic regression is the
//! case without hidden layers. Which rows are trained on, and when, belongs to the classifier.
//!
//! Loss is the cross-entropy of the softmax of the last layer; hidden units are rectified. Everything is in single
//! precision and in a fixed order, with pinned functions for exponential and logarithm: the same bits on every
//! x86-64 machine. If values overflow they become infinite or not a number, and stay so; nothing fails.

use super::kernel::{Left, padded, product};
use super::model::Layout;
use crate::random::Stream;
use rand::Rng;
use std::sync::Arc;

/// Rows that go through the layers together. Larger batches are cut into slices of so many and their gradients added up.
pub const SLICE: usize = 64;

/// The form of a perceptron: how many units in each layer.
#[derive(Debug)]
pub struct Perceptron {
    /// Inputs, units of hidden layers, outputs.
    widths: Box<[usize]>,
    layout: Arc<Layout>,
}

/// Parameters and scratch of a perceptron at work. Weights are (inputs × padded outputs).
pub struct Workspace<'a> {
    form: &'a Perceptron,
    layers: Vec<Layer>,
    /// The input rows of the slice.
    input: Vec<f32>,
    rows: usize,
}

struct Layer {
    inputs: usize,
    outputs: usize,
    /// `outputs`, padded.
    stride: usize,
    weights: Vec<f32>,
    biases: Vec<f32>,
    weight_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
    /// The slice's outputs, and then the loss's derivatives with respect to them.
    units: Vec<f32>,
    delta: Vec<f32>,
    /// The weights, transposed: (outputs × padded inputs). Empty for the first layer, which hands nothing back.
    transposed: Vec<f32>,
}

impl Perceptron {
    /// Layers of these widths: inputs first, outputs last; at least two.
    pub fn new(widths: Vec<usize>) -> Self {
        assert!(widths.len() >= 2, "a perceptron has inputs and outputs");
        let layout = Layout::new(widths.windows(2).flat_map(|pair| [vec![pair[0], pair[1]], vec![pair[1]]]));
        Self { widths: widths.into(), layout: Arc::new(layout) }
    }

    /// Weights (inputs × outputs) and biases of each layer in turn.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Weights uniform within ±√(6 / (inputs + outputs)) of each layer (Glorot and Bengio 2010), biases zero.
    pub fn random(&self, random: &mut Stream) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.layout.parameters() as usize);
        for pair in self.widths.windows(2) {
            let bound = libm::sqrt(6.0 / (pair[0] + pair[1]) as f64);
            values.extend((0..pair[0] * pair[1]).map(|_| {
                let share = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                (bound * (2.0 * share - 1.0)) as f32
            }));
            values.resize(values.len() + pair[1], 0.0);
        }
        values
    }

    /// Sets it to work with `values`, laid out as [`Self::layout`] says.
    pub fn load(&self, values: &[f32]) -> Workspace<'_> {
        let mut rest = values;
        let mut take = |length| {
            let (array, after) = rest.split_at(length);
            rest = after;
            array
        };
        let layers = self
            .widths
            .windows(2)
            .enumerate()
            .map(|(index, pair)| {
                let (inputs, outputs) = (pair[0], pair[1]);
                let mut layer = Layer::new(inputs, outputs, index > 0);
                for (to, from) in layer
                    .weights
                    .chunks_exact_mut(layer.stride)
                    .zip(take(inputs * outputs).chunks_exact(outputs))
                {
                    to[..outputs].copy_from_slice(from);
                }
                layer.biases[..outputs].copy_from_slice(take(outputs));
                layer
            })
            .collect();
        Workspace { form: self, layers, input: vec![0.0; SLICE * self.widths[0]], rows: 0 }
    }
}

impl Layer {
    fn new(inputs: usize, outputs: usize, hands_back: bool) -> Self {
        let stride = padded(outputs);
        Self {
            inputs,
            outputs,
            stride,
            weights: vec![0.0; inputs * stride],
            biases: vec![0.0; stride],
            weight_gradient: vec![0.0; inputs * stride],
            bias_gradient: vec![0.0; stride],
            units: vec![0.0; SLICE * stride],
            delta: vec![0.0; SLICE * stride],
            transposed: if hands_back { vec![0.0; outputs * padded(inputs)] } else { Vec::new() },
        }
    }

    /// `units = left · weights + biases`.
    fn forward(&mut self, left: Left, rows: usize) {
        let Self { weights, biases, units, stride, .. } = self;
        product(left, weights, rows, self.inputs, *stride, |row, column, sums| {
            let to = &mut units[row * *stride + column..][..sums.len()];
            for ((to, sum), bias) in to.iter_mut().zip(sums).zip(&biases[column..]) {
                *to = sum + bias;
            }
        });
    }

    /// Adds the slice's gradient: `weight_gradient += leftᵀ · delta`. `left` is what went forward.
    fn accumulate(&mut self, left: Left, rows: usize) {
        let Self { weight_gradient, bias_gradient, delta, stride, .. } = self;
        let left = Left { data: left.data, row: left.column, column: left.row };
        product(left, delta, self.inputs, rows, *stride, |row, column, sums| {
            let to = &mut weight_gradient[row * *stride + column..][..sums.len()];
            for (to, sum) in to.iter_mut().zip(sums) {
                *to += sum;
            }
        });
        for delta in delta[..rows * *stride].chunks_exact(*stride) {
            for (to, from) in bias_gradient.iter_mut().zip(delta) {
                *to += from;
            }
        }
    }

    /// `before = delta · weightsᵀ`, where the unit before was not cut off.
    fn hand_back(&mut self, before: &mut Self, rows: usize) {
        let width = before.stride;
        for (input, weights) in self.weights.chunks_exact(self.stride).enumerate() {
            for (output, weight) in weights[..self.outputs].iter().enumerate() {
                self.transposed[output * width + input] = *weight;
            }
        }
        let left = Left { data: &self.delta, row: self.stride, column: 1 };
        product(left, &self.transposed, rows, self.outputs, width, |row, column, sums| {
            let at = row * width + column;
            let units = &before.units[at..][..sums.len()];
            for ((to, sum), unit) in before.delta[at..][..sums.len()].iter_mut().zip(sums).zip(units) {
                *to = if *unit > 0.0 { *sum } else { 0.0 };
            }
        });
    }

    fn descend(&mut self, rate: f32) {
        let pairs = self.weights.iter_mut().zip(&mut self.weight_gradient);
        for (value, gradient) in pairs.chain(self.biases.iter_mut().zip(&mut self.bias_gradient)) {
            *value -= rate * *gradient;
            *gradient = 0.0;
        }
    }
}

impl Workspace<'_> {
    /// Takes one step of gradient descent on the mean loss of a batch of (features, class).
    pub fn step<'a>(&mut self, batch: impl ExactSizeIterator<Item = (&'a [f32], u16)>, rate: f32) {
        let scale = 1.0 / batch.len() as f32;
        self.in_slices(batch, |workspace, labels| {
            workspace.softmax_into_delta(labels, scale);
            workspace.backward();
        });
        for layer in &mut self.layers {
            layer.descend(rate);
        }
    }

    /// How many of the rows it puts into the right class, and the sum of their losses. Of equal outputs the first counts;
    /// outputs that are not numbers are never right.
    pub fn score<'a>(&mut self, rows: impl ExactSizeIterator<Item = (&'a [f32], u16)>) -> (u32, f64) {
        let (mut right, mut loss) = (0, 0.0);
        self.in_slices(rows, |workspace, labels| {
            let last = &workspace.layers[workspace.layers.len() - 1];
            for (units, &label) in last.units.chunks_exact(last.stride).zip(labels) {
                let units = &units[..last.outputs];
                let greatest = units.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let label = usize::from(label);
                let first = units.iter().position(|unit| *unit == greatest) == Some(label);
                if first && units.iter().all(|unit| *unit <= greatest) {
                    right += 1;
                }
                let sum: f32 = units.iter().map(|unit| libm::expf(unit - greatest)).fold(0.0, |a, b| a + b);
                loss += f64::from(greatest - units[label]) + libm::log(f64::from(sum));
            }
        });
        (right, loss)
    }

    /// The parameters, laid out as the form's layout says.
    pub fn values(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.form.layout.parameters() as usize);
        for layer in &self.layers {
            for weights in layer.weights.chunks_exact(layer.stride) {
                values.extend_from_slice(&weights[..layer.outputs]);
            }
            values.extend_from_slice(&layer.biases[..layer.outputs]);
        }
        values
    }

    /// Sends rows forward, a slice at a time, and lets `then` look at the outputs.
    fn in_slices<'a>(
        &mut self,
        mut rows: impl Iterator<Item = (&'a [f32], u16)>,
        mut then: impl FnMut(&mut Self, &[u16]),
    ) {
        let inputs = self.form.widths[0];
        let mut labels = [0; SLICE];
        loop {
            self.rows = 0;
            for (features, label) in rows.by_ref().take(SLICE) {
                self.input[self.rows * inputs..][..inputs].copy_from_slice(features);
                labels[self.rows] = label;
                self.rows += 1;
            }
            if self.rows == 0 {
                return;
            }
            self.forward();
            then(self, &labels[..self.rows]);
        }
    }

    fn forward(&mut self) {
        let last = self.layers.len() - 1;
        for index in 0..=last {
            let (before, rest) = self.layers.split_at_mut(index);
            let layer = &mut rest[0];
            layer.forward(left(&self.input, before.last(), layer.inputs), self.rows);
            if index < last {
                for unit in &mut layer.units[..self.rows * layer.stride] {
                    // Not `max`, which would hide what is not a number.
                    *unit = if *unit < 0.0 { 0.0 } else { *unit };
                }
            }
        }
    }

    /// The derivative of the loss with respect to the last layer's outputs: (softmax − 1 at the right class) × scale.
    fn softmax_into_delta(&mut self, labels: &[u16], scale: f32) {
        let last = self.layers.len() - 1;
        let Layer { units, delta, stride, outputs, .. } = &mut self.layers[last];
        for ((units, delta), &label) in
            units.chunks_exact(*stride).zip(delta.chunks_exact_mut(*stride)).zip(labels)
        {
            let (units, delta) = (&units[..*outputs], &mut delta[..*outputs]);
            let greatest = units.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for (to, unit) in delta.iter_mut().zip(units) {
                *to = libm::expf(unit - greatest);
                sum += *to;
            }
            let factor = scale / sum;
            for to in delta.iter_mut() {
                *to *= factor;
            }
            delta[usize::from(label)] -= scale;
        }
    }

    fn backward(&mut self) {
        for index in (0..self.layers.len()).rev() {
            let (before, rest) = self.layers.split_at_mut(index);
            let layer = &mut rest[0];
            layer.accumulate(left(&self.input, before.last(), layer.inputs), self.rows);
            if let Some(before) = before.last_mut() {
                layer.hand_back(before, self.rows);
            }
        }
    }
}

/// What a layer works on: the units of the layer before it, or the input.
fn left<'a>(input: &'a [f32], before: Option<&'a Layer>, inputs: usize) -> Left<'a> {
    match before {
        Some(layer) => Left { data: &layer.units, row: layer.stride, column: 1 },
        None => Left { data: input, row: inputs, column: 1 },
    }
}
