//! Regions against the figures that they come from.

use super::*;
use std::collections::BTreeMap;

const NODES: u32 = 20_000;

fn build(spec: &spec::Regions) -> Result<Regions, NetworkError> {
    Regions::build(spec, 5, NODES, Path::new(""))
}

fn preset(preset: Preset) -> Regions {
    build(&spec::Regions { preset: Some(preset), ..Default::default() }).unwrap()
}

fn latency(regions: &Regions, a: PeerId, b: PeerId) -> Duration {
    let pair = (u64::from(a.min(b)) << 32) | u64::from(a.max(b));
    regions.latency(a, b, || Stream::new(5, pair, Purpose::Latency, 0))
}

/// The first node of a region, and the second.
fn two_of(regions: &Regions, name: &str) -> (PeerId, PeerId) {
    let region = regions.matrix.names().iter().position(|it| it == name).unwrap();
    let mut nodes = (0..NODES).filter(|&node| regions.home(node) == region);
    (nodes.next().unwrap(), nodes.next().unwrap())
}

#[test]
fn latencies_are_those_of_the_matrix() {
    let cloud = preset(Preset::IbmCloud202408);
    let of = |name| two_of(&cloud, name).0;
    // Round trips of 123 ms both ways; of 188 and 187; of 231 and 232.
    assert_eq!(latency(&cloud, of("Dallas"), of("Frankfurt")), Duration::from_micros(61_500));
    assert_eq!(latency(&cloud, of("London"), of("Sao Paulo")), Duration::from_micros(93_750));
    assert_eq!(latency(&cloud, of("Osaka"), of("Frankfurt")), Duration::from_micros(115_750));
    let (a, b) = two_of(&cloud, "Tokyo");
    assert_eq!(latency(&cloud, a, b), Duration::from_millis(1));
    assert_eq!((cloud.least(), cloud.bandwidth(0)), (Duration::from_millis(1), None));

    let internet = preset(Preset::Internet2019);
    let of = |name| two_of(&internet, name);
    assert_eq!(latency(&internet, of("Japan").0, of("Europe").0), Duration::from_millis(252));
    assert_eq!(latency(&internet, of("Europe").0, of("Europe").1), Duration::from_millis(11));
    assert_eq!(internet.least(), Duration::from_millis(11));
    let expected = Bandwidth { uplink: Rate(10_200_000), downlink: Rate(22_800_000) };
    assert_eq!(internet.bandwidth(of("Japan").0), Some(expected));
}

#[test]
fn every_preset_is_symmetric() {
    for preset in [Preset::IbmCloud202408, Preset::Internet2019].map(preset) {
        for (a, b) in (0..400).map(|i| (i, 401 + 7 * i)) {
            assert_eq!(latency(&preset, a, b), latency(&preset, b, a));
        }
    }
}

#[test]
fn nodes_are_where_the_shares_put_them() {
    let share = |regions: &Regions, name: &str| {
        let (_, count) = regions.population().find(|(region, _)| *region == name).unwrap();
        f64::from(count) / f64::from(NODES)
    };
    let internet = preset(Preset::Internet2019);
    for (name, expected) in [("Europe", 0.4998), ("North America", 0.3316), ("South America", 0.009)] {
        assert!((share(&internet, name) - expected).abs() < 0.01, "{name}: {}", share(&internet, name));
    }
    assert!((share(&preset(Preset::IbmCloud202408), "Madrid") - 0.1).abs() < 0.01);
    let shares = BTreeMap::from([("Japan".to_owned(), 3.0), ("Europe".to_owned(), 1.0)]);
    let spec = spec::Regions { preset: Some(Preset::Internet2019), shares, ..Default::default() };
    let chosen = build(&spec).unwrap();
    assert!((share(&chosen, "Japan") - 0.75).abs() < 0.01);
    assert_eq!(share(&chosen, "Australia"), 0.0);
    assert_eq!(chosen.least(), Duration::from_millis(11), "only what occurs");
}

#[test]
fn a_node_stays_where_it_is_whatever_the_number_of_nodes() {
    let spec = spec::Regions { preset: Some(Preset::Internet2019), ..Default::default() };
    let few = Regions::build(&spec, 5, 50, Path::new("")).unwrap();
    assert_eq!(few.homes[..], preset(Preset::Internet2019).homes[..50]);
    assert_ne!(few.homes, Regions::build(&spec, 6, 50, Path::new("")).unwrap().homes, "another seed");
}

#[test]
fn pairs_spread_around_the_matrix() {
    let spec = spec::Regions { preset: Some(Preset::Internet2019), sigma: 0.3, ..Default::default() };
    let spread = build(&spec).unwrap();
    let plain = preset(Preset::Internet2019);
    let mut ratios: Vec<f64> = (1..5_000)
        .map(|b| latency(&spread, 0, b).as_secs_f64() / latency(&plain, 0, b).as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    // One standard deviation to either side of the median is the 16th and the 84th of a hundred.
    let quantile = |share: f64| ratios[(share * ratios.len() as f64) as usize];
    assert!((quantile(0.5) - 1.0).abs() < 0.03, "{}", quantile(0.5));
    assert!((quantile(0.8413) - libm::exp(0.3)).abs() < 0.03, "{}", quantile(0.8413));
    assert_eq!(spread.least(), Duration::ZERO, "the floor is all that holds then");
}

#[test]
fn the_median_is_that_of_the_pairs_of_nodes() {
    // Half of the nodes are in Europe and a third in North America, 124 ms away: a quarter of the pairs are within
    // Europe, a third across the Atlantic, a ninth within North America.
    assert_eq!(preset(Preset::Internet2019).median(), Duration::from_millis(124));
}

#[test]
fn a_share_of_a_region_that_does_not_exist_is_named() {
    let shares = BTreeMap::from([("Atlantis".to_owned(), 1.0)]);
    let spec = spec::Regions { preset: Some(Preset::Internet2019), shares, ..Default::default() };
    let error = build(&spec).unwrap_err();
    assert_eq!(error.path(), "network.latency.shares.Atlantis");
    assert!(error.to_string().contains("North America"), "{error}");
}
