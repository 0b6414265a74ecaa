//! Regions against the figures that they come from.

use super::*;
use crate::network::paths::Paths;
use std::collections::BTreeMap;

const NODES: u32 = 20_000;

fn build(spec: &spec::Regions) -> Result<Regions, NetworkError> {
    Regions::build(spec, 5, NODES, Path::new(""))
}

fn preset(preset: Preset) -> Regions {
    build(&spec::Regions { preset: Some(preset), ..Default::default() }).unwrap()
}

fn latency(regions: &Regions, from: PeerId, to: PeerId) -> Duration {
    Paths::Regions(Box::new(regions.clone())).latencies(5, from, to).0
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
    // Round trips of 123 ms from either end; of 188 and 187; of 231 and 232.
    assert_eq!(latency(&cloud, of("Dallas"), of("Frankfurt")), Duration::from_micros(61_500));
    let both = |a, b| [latency(&cloud, of(a), of(b)), latency(&cloud, of(b), of(a))].map(|it| it.as_micros());
    assert_eq!(both("London", "Sao Paulo"), [94_000, 93_500]);
    assert_eq!(both("Osaka", "Frankfurt"), [115_500, 116_000]);
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
fn where_a_preset_differs_by_direction() {
    let differing = |which: Preset| {
        let it = preset(which);
        let regions = it.matrix.names().len();
        let pairs = (0..regions).flat_map(|a| (0..a).map(move |b| (a, b)));
        pairs.filter(|&(a, b)| it.matrix.delay(a, b) != it.matrix.delay(b, a)).count()
    };
    assert_eq!((differing(Preset::IbmCloud202408), differing(Preset::Internet2019)), (20, 0));
}

/// Nodes in two regions, 10 ms one way and 100 ms the other, with this spread.
fn lopsided(sigma: f64) -> Regions {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("matrix.csv"), "from,a,b\na,1,10\nb,100,2\n").unwrap();
    let spec = spec::Regions { file: Some("matrix.csv".into()), sigma, ..Default::default() };
    Regions::build(&spec, 5, NODES, folder.path()).unwrap()
}

#[test]
fn each_direction_has_its_own_latency_and_a_pair_one_factor() {
    let (plain, spread) = (lopsided(0.0), lopsided(0.5));
    let (a, b) = (two_of(&plain, "a").0, two_of(&plain, "b").0);
    let both = |it: &Regions| [latency(it, a, b), latency(it, b, a)];
    assert_eq!(both(&plain), [10, 100].map(Duration::from_millis));
    let [forth, back] = both(&spread);
    assert!(
        forth != Duration::from_millis(10) && nanos(forth * 10).abs_diff(nanos(back)) <= 10,
        "{forth:?}, {back:?}"
    );
    assert_eq!((plain.least(), spread.least()), (Duration::from_millis(1), Duration::ZERO));
    // A quarter of all ways each: 1, 2, 10 and 100 ms.
    assert_eq!(plain.median(), Duration::from_millis(10));
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
