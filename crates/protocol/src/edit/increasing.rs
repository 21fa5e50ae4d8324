//! The longest increasing subsequence: which items keep their order.

/// Positions of a longest strictly increasing subsequence of `numbers`, in n log n steps (patience sorting).
pub(crate) fn longest_increasing(numbers: &[usize]) -> Vec<usize> {
    // For each length, the position of the smallest number that ends a subsequence of that length.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous = vec![None; numbers.len()];
    for (position, number) in numbers.iter().enumerate() {
        let length = match ends.last() {
            Some(&last) if numbers[last] < *number => ends.len(),
            _ => ends.partition_point(|&end| numbers[end] < *number),
        };
        previous[position] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = position,
            None => ends.push(position),
        }
    }
    let mut positions: Vec<_> =
        std::iter::successors(ends.last().copied(), |&position| previous[position]).collect();
    positions.reverse();
    positions
}

#[cfg(test)]
mod tests {
    use super::longest_increasing;

    #[test]
    fn the_longest_increasing_subsequence_is_found() {
        for (numbers, positions) in [
            (vec![], vec![]),
            (vec![1, 2, 3], vec![0, 1, 2]),
            (vec![3, 0, 1, 2], vec![1, 2, 3]),
            (vec![1, 2, 3, 0], vec![0, 1, 2]),
            (vec![2, 1, 0], vec![2]),
            (vec![5, 1, 4, 2, 3, 0], vec![1, 3, 4]),
        ] {
            assert_eq!(longest_increasing(&numbers), positions, "{numbers:?}");
        }
    }
}
