//! The inner loops of training: a matrix product in single precision.
//!
//! Every element of a result is the sum of its products in ascending order, each rounded, none fused. That fixes its
//! bits whatever the tiling, and on whatever processor: a product that picks its instructions when it runs (fused
//! multiply–add where there is one) would not. The tiles only keep sums in registers.

/// Elements that rows of weights and activations are padded to, so that a row is whole vectors.
pub const LANES: usize = 4;

/// `length` rounded up to whole vectors.
pub fn padded(length: usize) -> usize {
    length.next_multiple_of(LANES)
}

/// The left operand of a product: element (i, p) lies at `i * row + p * column`.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// The distance of rows.
    pub row: usize,
    /// The distance of columns.
    pub column: usize,
}

/// Computes `left · right` for `rows` × `depth` times `depth` × `width`, and hands each finished piece of a row to `store`
/// with its row, its column and its values.
///
/// Rows of `right` lie `width` apart; `width` is a multiple of [`LANES`].
pub fn product(
    left: Left,
    right: &[f32],
    rows: usize,
    depth: usize,
    width: usize,
    mut store: impl FnMut(usize, usize, &[f32]),
) {
    let mut column = 0;
    while column < width {
        let right = &right[column..];
        match width - column {
            12.. => {
                strip::<12>(left, right, rows, depth, width, |row, sums| store(row, column, sums));
                column += 12;
            }
            8.. => {
                strip::<8>(left, right, rows, depth, width, |row, sums| store(row, column, sums));
                column += 8;
            }
            _ => {
                strip::<4>(left, right, rows, depth, width, |row, sums| store(row, column, sums));
                column += 4;
            }
        }
    }
}

/// A strip of `C` columns of a product, four rows at a time.
#[inline(always)]
fn strip<const C: usize>(
    left: Left,
    right: &[f32],
    rows: usize,
    depth: usize,
    stride: usize,
    mut store: impl FnMut(usize, &[f32]),
) {
    let mut row = 0;
    while row + 4 <= rows {
        for (offset, sums) in tile::<4, C>(left, right, row, depth, stride).iter().enumerate() {
            store(row + offset, sums);
        }
        row += 4;
    }
    while row < rows {
        store(row, &tile::<1, C>(left, right, row, depth, stride)[0]);
        row += 1;
    }
}

/// `R` × `C` elements of a product, kept in registers while their sums grow.
#[inline(always)]
fn tile<const R: usize, const C: usize>(
    left: Left,
    right: &[f32],
    row: usize,
    depth: usize,
    stride: usize,
) -> [[f32; C]; R] {
    let mut sums = [[0.0; C]; R];
    let data = &left.data[row * left.row..];
    for p in 0..depth {
        let right: &[f32; C] = right[p * stride..][..C].try_into().expect("a slice of C elements");
        for r in 0..R {
            let factor = data[r * left.row + p * left.column];
            for c in 0..C {
                sums[r][c] += factor * right[c];
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_product_is_the_sum_in_ascending_order_to_the_last_bit(
            rows in 1_usize..11, depth in 1_usize..20, width in 1_usize..9, transposed: bool, seed: u32,
        ) {
            let width = width * LANES;
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            };
            let left: Vec<f32> = (0..rows * depth).map(|_| next()).collect();
            let right: Vec<f32> = (0..depth * width).map(|_| next()).collect();
            let (row, column) = if transposed { (1, rows) } else { (depth, 1) };
            let mut result = vec![f32::NAN; rows * width];
            product(Left { data: &left, row, column }, &right, rows, depth, width, |i, j, sums| {
                result[i * width + j..][..sums.len()].copy_from_slice(sums);
            });
            for i in 0..rows {
                for j in 0..width {
                    let mut sum = 0.0_f32;
                    for p in 0..depth {
                        sum += left[i * row + p * column] * right[p * width + j];
                    }
                    prop_assert_eq!(sum.to_bits(), result[i * width + j].to_bits());
                }
            }
        }
    }
}
