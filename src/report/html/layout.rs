//! Where nodes stand in a drawing: shapes that everyone knows as such, and all others by their distances.
//!
//! Of the rest every node first gets a place by its hops to a few others (pivot multidimensional scaling: Brandes and
//! Pich 2006, "Eigensolver methods for progressive multidimensional scaling of large data"), and then neighbours pull and
//! nodes that are close push (Fruchterman and Reingold 1991, "Graph drawing by force-directed placement"). Nothing is
//! drawn at random and nothing but + - * / and roots is used, so that a graph looks the same everywhere.

use std::collections::VecDeque;

/// A place, from 0 to 1 each way.
pub type Place = [f64; 2];

/// Nodes that distances are measured from.
const PIVOTS: usize = 40;
/// How often nodes are moved.
const MOVES: usize = 80;

/// Where the nodes of a topology of this kind stand; `columns` is that of a grid, `edges` are of places in `nodes`.
pub fn places(kind: &str, columns: u64, nodes: &[u32], edges: &[(usize, usize)]) -> Vec<Place> {
    let count = nodes.len();
    let raw = match kind {
        "ring" | "full" | "watts_strogatz" | "static_exponential" => circle(0..count, count),
        "star" => std::iter::once([0.0, 0.0]).chain(circle(0..count - 1, count - 1)).take(count).collect(),
        "line" => winding(count),
        "grid" | "torus" if columns > 0 => {
            let at = |node: &u32| [(u64::from(*node) % columns) as f64, (u64::from(*node) / columns) as f64];
            nodes.iter().map(at).collect()
        }
        _ => forced(scaled(&neighbours(count, edges)), edges),
    };
    fitted(raw)
}

fn circle(places: std::ops::Range<usize>, of: usize) -> Vec<Place> {
    let angle = |i: usize| std::f64::consts::TAU * i as f64 / of.max(1) as f64;
    places.map(|i| [libm::sin(angle(i)), -libm::cos(angle(i))]).collect()
}

/// A chain in rows, to and fro.
fn winding(count: usize) -> Vec<Place> {
    let columns = (1..=count).find(|columns| columns * columns >= count * 2).unwrap_or(1);
    let at = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        let column = if row.is_multiple_of(2) { column } else { columns - 1 - column };
        [column as f64, row as f64 * 1.5]
    };
    (0..count).map(at).collect()
}

fn neighbours(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut neighbours = vec![Vec::new(); count];
    for &(a, b) in edges {
        neighbours[a].push(b);
        neighbours[b].push(a);
    }
    neighbours
}

/// Hops from a node to all; those that it cannot reach are a little further than the furthest.
fn hops(neighbours: &[Vec<usize>], from: usize) -> Vec<f64> {
    let mut hops = vec![usize::MAX; neighbours.len()];
    hops[from] = 0;
    let mut queue = VecDeque::from([from]);
    let mut furthest = 0;
    while let Some(node) = queue.pop_front() {
        furthest = hops[node];
        for &next in &neighbours[node] {
            if hops[next] == usize::MAX {
                hops[next] = hops[node] + 1;
                queue.push_back(next);
            }
        }
    }
    hops.into_iter().map(|it| if it == usize::MAX { furthest as f64 + 2.0 } else { it as f64 }).collect()
}

/// Places by the hops to some nodes that are far from each other.
fn scaled(neighbours: &[Vec<usize>]) -> Vec<Place> {
    let count = neighbours.len();
    let mut nearest = vec![f64::INFINITY; count];
    let mut pivot = 0;
    let mut columns: Vec<Vec<f64>> = Vec::new();
    while columns.len() < PIVOTS.min(count) {
        let far = hops(neighbours, pivot);
        nearest.iter_mut().zip(&far).for_each(|(nearest, far)| *nearest = nearest.min(*far));
        let mut squares: Vec<f64> = far.into_iter().map(|it| it * it).collect();
        let mean = squares.iter().sum::<f64>() / count as f64;
        squares.iter_mut().for_each(|it| *it -= mean);
        columns.push(squares);
        // The first of those that are furthest from all pivots.
        pivot = (0..count).fold(0, |best, node| if nearest[node] > nearest[best] { node } else { best });
    }
    // Centred the other way, too: over the pivots of each node.
    for node in 0..count {
        let mean = columns.iter().map(|column| column[node]).sum::<f64>() / columns.len() as f64;
        columns.iter_mut().for_each(|column| column[node] -= mean);
    }
    let axes = strongest(&columns);
    // A little to the side of its place, so that nodes with the same distances do not stand on each other.
    let aside = |node: usize, turn: usize| ((node * 7_919 + turn * 104_729) % 1_009) as f64 / 1_009.0 - 0.5;
    let along = |axis: &[f64], node: usize| {
        axis.iter().zip(&columns).map(|(weight, column)| weight * column[node]).sum::<f64>()
    };
    let raw = (0..count).map(|node| [along(&axes[0], node), along(&axes[1], node)]);
    let fit = fitted(raw.collect());
    let room = 1.0 / (count as f64).sqrt();
    let moved = fit.into_iter().enumerate();
    moved.map(|(node, [x, y])| [x + aside(node, 1) * room, y + aside(node, 2) * room]).collect()
}

/// The two directions in which the columns differ most, by power iteration.
fn strongest(columns: &[Vec<f64>]) -> [Vec<f64>; 2] {
    let count = columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let products: Vec<Vec<f64>> =
        columns.iter().map(|a| columns.iter().map(|b| dot(a, b)).collect()).collect();
    let mut found: Vec<Vec<f64>> = Vec::new();
    for turn in 0..2 {
        let mut vector: Vec<f64> = (0..count).map(|i| 1.0 + ((i * 31 + turn * 17) % 7) as f64).collect();
        for _ in 0..100 {
            let mut next: Vec<f64> = products.iter().map(|row| dot(row, &vector)).collect();
            for known in &found {
                let part = dot(&next, known);
                next.iter_mut().zip(known).for_each(|(next, known)| *next -= part * known);
            }
            let length = dot(&next, &next).sqrt();
            if length <= f64::MIN_POSITIVE || !length.is_finite() {
                break;
            }
            next.iter_mut().for_each(|it| *it /= length);
            vector = next;
        }
        found.push(vector);
    }
    let second = found.pop().unwrap_or_default();
    [found.pop().unwrap_or_default(), second]
}

/// Lets neighbours pull and nodes that are close push, less and less.
fn forced(mut places: Vec<Place>, edges: &[(usize, usize)]) -> Vec<Place> {
    let count = places.len();
    let apart = 1.0 / (count as f64).sqrt();
    let reach = 2.5 * apart;
    for turn in 0..MOVES {
        let most = 0.08 * (1.0 - turn as f64 / MOVES as f64) + 0.001;
        let mut forces = vec![[0.0_f64; 2]; count];
        let cells = Cells::of(&places, reach);
        for node in 0..count {
            cells.around(places[node], |other| {
                let (dx, dy) = (places[node][0] - places[other][0], places[node][1] - places[other][1]);
                let square = (dx * dx + dy * dy).max(apart * apart * 1e-4);
                if other != node && square < reach * reach {
                    let push = apart * apart / square;
                    forces[node][0] += dx * push;
                    forces[node][1] += dy * push;
                }
            });
        }
        for &(a, b) in edges {
            let (dx, dy) = (places[a][0] - places[b][0], places[a][1] - places[b][1]);
            let pull = (dx * dx + dy * dy).sqrt() / apart;
            forces[a] = [forces[a][0] - dx * pull, forces[a][1] - dy * pull];
            forces[b] = [forces[b][0] + dx * pull, forces[b][1] + dy * pull];
        }
        for (place, force) in places.iter_mut().zip(forces) {
            let length = (force[0] * force[0] + force[1] * force[1]).sqrt();
            if length > 0.0 && length.is_finite() {
                let step = length.min(most) / length;
                *place = [place[0] + force[0] * step, place[1] + force[1] * step];
            }
        }
    }
    places
}

/// Nodes by where they are, so that one finds who is close.
struct Cells {
    start: Vec<usize>,
    nodes: Vec<usize>,
    least: Place,
    size: f64,
    columns: usize,
    rows: usize,
}

impl Cells {
    fn of(places: &[Place], size: f64) -> Self {
        let bound = |axis: usize, pick: fn(f64, f64) -> f64, from: f64| {
            places.iter().map(|place| place[axis]).fold(from, pick)
        };
        let least = [bound(0, f64::min, f64::INFINITY), bound(1, f64::min, f64::INFINITY)];
        let most = [bound(0, f64::max, f64::NEG_INFINITY), bound(1, f64::max, f64::NEG_INFINITY)];
        let many = |axis: usize| (((most[axis] - least[axis]) / size) as usize).min(500) + 1;
        let mut cells = Self {
            start: Vec::new(),
            nodes: vec![0; places.len()],
            least,
            size,
            columns: many(0),
            rows: many(1),
        };
        let mut start = vec![0; cells.columns * cells.rows + 1];
        let cell: Vec<usize> = places.iter().map(|place| cells.index(cells.cell(*place))).collect();
        cell.iter().for_each(|cell| start[cell + 1] += 1);
        for i in 1..start.len() {
            start[i] += start[i - 1];
        }
        let mut next = start.clone();
        for (node, cell) in cell.into_iter().enumerate() {
            cells.nodes[next[cell]] = node;
            next[cell] += 1;
        }
        cells.start = start;
        cells
    }

    fn cell(&self, place: Place) -> (usize, usize) {
        let along = |axis: usize, many: usize| {
            (((place[axis] - self.least[axis]) / self.size) as usize).min(many - 1)
        };
        (along(0, self.columns), along(1, self.rows))
    }

    const fn index(&self, (column, row): (usize, usize)) -> usize {
        row * self.columns + column
    }

    fn around(&self, place: Place, mut visit: impl FnMut(usize)) {
        let (column, row) = self.cell(place);
        for row in row.saturating_sub(1)..=(row + 1).min(self.rows - 1) {
            for column in column.saturating_sub(1)..=(column + 1).min(self.columns - 1) {
                let cell = self.index((column, row));
                self.nodes[self.start[cell]..self.start[cell + 1]].iter().for_each(|node| visit(*node));
            }
        }
    }
}

/// The same drawing, as large as fits, in the middle.
fn fitted(places: Vec<Place>) -> Vec<Place> {
    let bound = |axis: usize, pick: fn(f64, f64) -> f64, from: f64| {
        places.iter().map(|place| place[axis]).fold(from, pick)
    };
    let low = [bound(0, f64::min, f64::INFINITY), bound(1, f64::min, f64::INFINITY)];
    let high = [bound(0, f64::max, f64::NEG_INFINITY), bound(1, f64::max, f64::NEG_INFINITY)];
    let size = (high[0] - low[0]).max(high[1] - low[1]);
    if size <= 0.0 || !size.is_finite() {
        return vec![[0.5, 0.5]; places.len()];
    }
    let at = |place: &Place, axis: usize| {
        let middle = f64::midpoint(low[axis], high[axis]);
        (0.5 + (place[axis] - middle) / size).clamp(0.0, 1.0)
    };
    places.iter().map(|place| [at(place, 0), at(place, 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(columns: usize, rows: usize) -> Vec<(usize, usize)> {
        let mut edges = Vec::new();
        for node in 0..columns * rows {
            if (node + 1) % columns != 0 {
                edges.push((node, node + 1));
            }
            if node + columns < columns * rows {
                edges.push((node, node + columns));
            }
        }
        edges
    }

    fn far(a: Place, b: Place) -> f64 {
        ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt()
    }

    /// A grid that is not said to be one is found again: neighbours are close, opposite corners far.
    #[test]
    fn neighbours_stand_close_and_others_far() {
        let (columns, rows) = (12, 9);
        let nodes: Vec<u32> = (0..columns as u32 * rows as u32).collect();
        let edges = grid(columns, rows);
        let places = places("file", 0, &nodes, &edges);
        let longest = edges.iter().map(|&(a, b)| far(places[a], places[b])).fold(0.0, f64::max);
        let corners = far(places[0], places[nodes.len() - 1]);
        assert!(corners > 3.0 * longest, "corners {corners}, longest edge {longest}");
    }

    #[test]
    fn every_kind_fits_the_drawing_and_no_two_nodes_share_a_place() {
        for kind in ["ring", "full", "star", "line", "grid", "torus", "random_regular", "edges", "?"] {
            for count in [2, 3, 7, 60] {
                let nodes: Vec<u32> = (0..count).collect();
                let edges: Vec<(usize, usize)> = (1..count as usize).map(|node| (node / 2, node)).collect();
                let places = places(kind, 5, &nodes, &edges);
                assert_eq!(places.len(), nodes.len());
                assert!(places.iter().flatten().all(|it| (0.0..=1.0).contains(it)), "{kind} of {count}");
                for (i, a) in places.iter().enumerate() {
                    assert!(places[..i].iter().all(|b| far(*a, *b) > 1e-4), "{kind} of {count}: node {i}");
                }
            }
        }
    }

    #[test]
    fn parts_without_connections_between_them_are_drawn() {
        let nodes: Vec<u32> = (0..6).collect();
        let places = places("edges", 0, &nodes, &[(0, 1), (2, 3)]);
        assert!(places.iter().flatten().all(|it| it.is_finite()));
    }
}
