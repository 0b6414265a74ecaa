//! The reader against what Python wrote, and against what nobody should write.

use super::super::weights;
use super::*;
use crate::learning::Values;
use proptest::prelude::*;
use std::io::Write;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/weights");

/// The layout of all models in foreign/; see foreign.py.
fn foreign_layout() -> Arc<Layout> {
    Arc::new(Layout::new([vec![2, 3], vec![3], vec![2, 2, 2]]))
}

/// Names and bytes of the models in foreign/.
fn foreign() -> Vec<(String, Bytes)> {
    let files = std::fs::read_dir(format!("{FIXTURES}/foreign")).unwrap();
    let mut files: Vec<_> = files.map(|it| it.unwrap().path()).collect();
    files.sort();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap().into())).collect()
}

fn fixture(name: &str) -> Bytes {
    std::fs::read(format!("{FIXTURES}/{name}")).unwrap().into()
}

/// Protocol 4.
const START: &[u8] = b"\x80\x04";

/// A pickle whose `bytes` are these.
fn enveloped(compressor: &[u8], inner: &[u8]) -> Bytes {
    let length = (inner.len() as u32).to_le_bytes();
    [START, b"}(\x8c\x0fbyte_compressor", compressor, b"\x8c\x05bytesB", &length, inner, b"u."]
        .concat()
        .into()
}

/// A model whose parameters and further information are these opcodes; the latter ends in a list of techniques.
fn composed(params: &[u8], techniques: &[u8]) -> Bytes {
    let info = [&b"\x8c\x0fadditional_info}\x8c\x12applied_techniques"[..], techniques, b"s"].concat();
    enveloped(b"N", &[START, b"}(\x8c\x06params", params, &info, b"u."].concat())
}

/// A float32 array of so many values, as opcodes. `shape` makes a tuple.
fn array(shape: &[u8], data: &[u8]) -> Vec<u8> {
    let start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01";
    let dtype =
        b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb";
    let length = (data.len() as u32).to_le_bytes();
    [&start[..], shape, dtype, b"\x89B", &length, data, b"tb"].concat()
}

fn small(bytes: &Bytes) -> Result<Model, ModelError> {
    model(bytes, &Expected::any().up_to(1 << 20))
}

proptest! {
    #[test]
    fn what_travels_beside_a_model_comes_as_it_went(
        single in prop::collection::vec(any::<f32>().prop_filter("a number", |it| !it.is_nan()), 0..30),
        double in any::<f64>().prop_filter("a number", |it| !it.is_nan()), synthetic: bool, names in "[a-z_]{1,20}",
    ) {
        let singles: Vec<f64> = single.iter().map(|it| f64::from(*it)).collect();
        let info = Tensors::default()
            .with(&names, Tensor::new(&[singles.len()], &singles, Precision::Single))
            .with("a scalar", Tensor::scalar(double));
        let layout = Arc::new(Layout::new([vec![3]]));
        let (sent, expected) = match synthetic {
            true => (Model::synthetic(Arc::clone(&layout)), Expected::synthetic(layout)),
            false => (Model::new(Arc::clone(&layout), vec![1.0; 3]), Expected::layout(layout)),
        };
        let sent = sent.with_info(Arc::new(info));
        let read = model(&weights::encode_model(&sent), &expected).unwrap();
        prop_assert_eq!((read.info(), read.digest()), (sent.info(), sent.digest()));
    }
}

#[test]
fn arrays_beside_a_model_that_are_too_many_are_refused() {
    let layout = Arc::new(Layout::new([vec![3]]));
    let large = Tensor::new(&[1 << 20], &vec![0.0; 1 << 20], Precision::Single);
    let info = (0..3).fold(Tensors::default(), |it, i| it.with(&i.to_string(), large.clone()));
    let sent = Model::new(Arc::clone(&layout), vec![1.0; 3]).with_info(Arc::new(info));
    let read = model(&weights::encode_model(&sent), &Expected::layout(layout));
    assert!(matches!(read, Err(ModelError::TooLarge(_))), "{read:?}");
}

fn fault(bytes: &Bytes) -> String {
    small(bytes).unwrap_err().to_string()
}

#[test]
fn models_are_read_as_python_wrote_them_whatever_numpy_protocol_compressor_and_technique() {
    let models = foreign();
    assert!(models.len() >= 40);
    for (name, bytes) in models {
        let double = name.starts_with("double") || name.starts_with("mixed");
        let layout = foreign_layout();
        let wanted = if double { (*layout).clone().in_double_precision().into() } else { layout };
        let exact = !["ptq-int", "ptq-uint", "ptq-channel", "low-rank"].iter().any(|it| name.starts_with(it));
        for expected in [Expected::layout(Arc::clone(&wanted)), Expected::any()] {
            let read = model(&bytes, &expected).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(**read.layout(), *wanted, "{name}");
            let values: Vec<f64> = match read.all() {
                Values::Single(values) => values.iter().map(|it| f64::from(*it)).collect(),
                Values::Double(values) => values.to_vec(),
            };
            assert_eq!(values.len(), 17, "{name}");
            for (i, value) in values.iter().enumerate() {
                let off = (value - (i as f64 * 0.5 - 3.0)).abs();
                assert!(off <= if exact { 0.0 } else { 0.02 }, "{name}: value {i} is {value}");
            }
        }
    }
}

#[test]
fn what_is_written_here_is_read_here() {
    let layout = Arc::new(Layout::new([vec![300, 70], vec![], vec![0, 5], vec![7]]));
    let values = (0..layout.parameters()).map(|it| it as f32 * 0.25).collect();
    let single = Model::new(Arc::clone(&layout), values);
    let read = model(&weights::encode_model(&single), &Expected::any()).unwrap();
    assert_eq!((read.layout(), read.digest()), (&layout, single.digest()));

    let layout = Arc::new(Layout::new([vec![3]]).in_double_precision());
    let double = Model::double(Arc::clone(&layout), &[0.1, f64::NAN, -0.0]);
    let read = model(&weights::encode_model(&double), &Expected::any()).unwrap();
    assert_eq!((read.layout(), read.digest()), (&layout, double.digest()));
}

#[test]
fn the_first_model_says_what_all_have_to_look_like() {
    let expected = Expected::any();
    assert!(expected.known().is_none());
    let first = model(&fixture("foreign/plain.numpy1.pickle"), &expected).unwrap();
    assert!(Arc::ptr_eq(first.layout(), expected.known().unwrap()));
    let second = model(&fixture("foreign/zlib.numpy2.pickle"), &expected).unwrap();
    assert!(Arc::ptr_eq(second.layout(), first.layout()), "they share it");
    let other = model(&fixture("small.pickle"), &expected).unwrap_err();
    insta::assert_snapshot!(other, @"it has 2 arrays; 3 are expected");
    let double = model(&fixture("foreign/double.numpy1.pickle"), &expected).unwrap_err();
    insta::assert_snapshot!(double, @"array 0 is float64; float32 is expected");
    let shapes = Expected::layout(Arc::new(Layout::new([vec![3, 2], vec![3], vec![8]])));
    let shape = model(&fixture("foreign/plain.numpy1.pickle"), &shapes).unwrap_err();
    insta::assert_snapshot!(shape, @"array 0 has the shape [2, 3]; [3, 2] is expected");
    assert_eq!(shape.exception(), "ModelNotMatchingError");
}

#[test]
fn synthetic_models_travel_as_zeros_and_arrive_without_values() {
    let layout = Arc::new(Layout::new([vec![1000], vec![2]]));
    let bytes = weights::encode_model(&Model::synthetic(Arc::clone(&layout)));
    assert_eq!(bytes.len() as u64, weights::encoded_len(&[&[1000], &[2]], 4));
    let read = model(&bytes, &Expected::synthetic(Arc::clone(&layout))).unwrap();
    assert!(read.is_synthetic());
    assert_eq!(read.layout(), &layout);
    assert!(model(&bytes, &Expected::layout(layout)).unwrap().values().iter().all(|it| *it == 0.0));
    let other = Expected::synthetic(Arc::new(Layout::new([vec![1000], vec![3]])));
    assert!(matches!(model(&bytes, &other), Err(ModelError::Mismatch(_))));
}

#[test]
fn nothing_is_imported_or_run() {
    let run = |global: &[u8]| [START, global, b"\x8c\x09echo pwned\x85R."].concat().into();
    assert!(fault(&run(b"cos\nsystem\n")).contains("os.system has no place in a model, and is not run"));
    assert!(fault(&run(b"\x8c\x05posix\x8c\x06system\x93")).contains("posix.system"));
    assert!(fault(&composed(b"cbuiltins\neval\n", b"]")).contains("builtins.eval"));
    assert!(fault(&composed(b"cnumpy\nload\n", b"]")).contains("numpy.load"));
    // Opcodes that make or change other objects: INST, OBJ, NEWOBJ, NEWOBJ_EX, PERSID, BINPERSID, EXT1, NEXT_BUFFER.
    for opcode in [b"ios\nsystem\n".as_slice(), b"o", b"\x81", b"\x92", b"P0\n", b"Q", b"\x82\x01", b"\x97"] {
        let bytes: Bytes = [START, b"N", opcode, b"."].concat().into();
        assert!(matches!(small(&bytes), Err(ModelError::Opcode { .. })), "{opcode:?}");
    }
    // What may be named may still not be called with anything.
    assert!(small(&composed(b"cnumpy\nndarray\nK\x01\x85R", b"]")).is_err());
    assert!(small(&composed(b"cnumpy\ndtype\n\x8c\x01O\x89\x88\x87R", b"]")).is_err());
    assert!(small(&composed(b"cnumpy\ndtype\ncnumpy\ndtype\n\x85R", b"]")).is_err());
}

#[test]
fn what_python_wrote_is_refused_when_its_end_is_missing() {
    for name in ["plain", "protocol-5", "lzma", "zlib", "ptq-channel-0"] {
        let whole = fixture(&format!("foreign/{name}.numpy2.pickle"));
        for length in 0..whole.len() {
            assert!(small(&whole.slice(..length)).is_err(), "{name}: {length} of {}", whole.len());
        }
    }
}

#[test]
fn deep_nesting_takes_no_stack() {
    let depth = 100_000;
    let mut lists = vec![b']'; depth];
    lists.extend(vec![b'a'; depth - 1]);
    let deep = composed(&[&array(b"K\x01\x85", &[0; 4])[..], b"\x85"].concat(), b"]");
    assert!(small(&deep).is_ok());
    // As further information, it is read and dropped; as parameters, it is none.
    assert!(fault(&composed(&lists, b"]")).contains("params[0] is no array"));
    let mut marks = vec![b'('; depth];
    marks.extend(vec![b't'; depth]);
    assert!(fault(&composed(&marks, b"]")).contains("params[0] is no array"));
}

#[test]
fn claims_without_data_cost_nothing() {
    let million = array(b"J\x40\x42\x0f\x00\x85", &[]);
    assert!(fault(&composed(&million, b"]")).contains("its bytes are not those of its shape"));
    let overflowing = array(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x08\x86", &[0; 4]);
    assert!(fault(&composed(&overflowing, b"]")).contains("its bytes are not those of its shape"));
    let negative = array(b"J\xff\xff\xff\xff\x85", &[]);
    assert!(fault(&composed(&negative, b"]")).contains("its bytes are not those of its shape"));
    for claim in [b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), b"B\xff\xff\xff\xff", b"C\xff"] {
        let bytes = [START, claim, b"."].concat().into();
        assert!(matches!(small(&bytes), Err(ModelError::Truncated(_))));
    }
}

#[test]
fn what_is_referred_to_again_and_again_exists_once() {
    let one = array(b"K\x01\x85", &[0; 4]);
    // Ten lists of ten lists of ten lists ..., a hundred levels deep, as the record of a technique.
    let mut laughs = b"]\x94".to_vec();
    for level in 0..100 {
        laughs.extend([&b"]\x94("[..], &[b'h', level].repeat(10), b"e"].concat());
    }
    let record = [&b"](\x8c\x02dp("[..], &laughs, b"t\x86e"].concat();
    assert!(small(&composed(&[&one[..], b"\x85"].concat(), &record)).is_ok());
    // Ten thousand times the same array of a kibibyte.
    let one = array(b"M\x00\x01\x85", &[1; 1024]);
    let all = [&b"("[..], &one, b"\x94", &b"h\x00".repeat(9_999), b"t"].concat();
    assert_eq!(small(&composed(&all, b"]")).unwrap_err(), ModelError::TooLarge(1 << 20));
    let many = [&b"("[..], &one, b"\x94", &b"h\x00".repeat(MAX_ARRAYS), b"t"].concat();
    assert!(fault(&composed(&many, b"]")).contains("more than 16384"));
}

#[test]
fn work_is_bounded_by_a_number_of_operations() {
    let bytes = [START, &b"N".repeat(machine::MAX_OPERATIONS)].concat().into();
    assert_eq!(small(&bytes).unwrap_err(), ModelError::TooLong(machine::MAX_OPERATIONS));
}

#[test]
fn what_is_decompressed_stops_at_the_limit() {
    for name in ["bomb.zlib.pickle", "bomb.lzma.pickle"] {
        let bomb = fixture(name);
        assert!(bomb.len() < 1 << 16, "{name}");
        assert_eq!(small(&bomb).unwrap_err(), ModelError::TooLarge(1 << 20), "{name}");
        let known = Expected::layout(foreign_layout());
        assert_eq!(model(&bomb, &known).unwrap_err(), ModelError::TooLarge((1 << 20) + 17 * 16), "{name}");
        assert!(model(&bomb, &Expected::any()).is_ok(), "{name} is a model");
    }
    let mut endless = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    (0..64).for_each(|_| endless.write_all(&[b'N'; 1 << 16]).unwrap());
    let endless = enveloped(b"\x8c\x04zlib", &endless.finish().unwrap());
    assert_eq!(small(&endless).unwrap_err(), ModelError::TooLarge(1 << 20));
    assert!(fault(&enveloped(b"\x8c\x04lzma", b"not lzma")).contains("lzma"));
    assert!(
        fault(&enveloped(b"\x8c\x03bz2", b"")).contains("byte_compressor is bz2; it can be zlib or lzma")
    );
}

#[test]
fn techniques_make_no_more_than_a_model_may_hold() {
    let one = array(b"K\x01\x85", &[0; 4]);
    let technique =
        |name: &[u8], info: &[u8]| [b"](\x8c", &[name.len() as u8][..], name, info, b"\x86e"].concat();
    let params = [&b"("[..], &one, b"t"].concat();
    // A shape of 10^12 values of which one is there.
    let about =
        [&b"}(\x8c\x05shape\x8a\x06\x00\x10\xa5\xd4\xe8\x00\x85\x8c\x07indices"[..], &one, b"u"].concat();
    let sparse = [&b"}\x8c\x14topk_sparse_metadata}K\x00"[..], &about, b"ss"].concat();
    assert!(fault(&composed(&params, &technique(b"topk", &sparse))).contains("larger than a model may be"));
    // Factors of 65536 by 1 and 1 by 65536.
    let column = array(b"J\x00\x00\x01\x00K\x01\x86", &[0; 1 << 18]);
    let row = array(b"K\x01J\x00\x00\x01\x00\x86", &[0; 1 << 18]);
    let factors = [&column[..], &one, &row, b"\x87"].concat();
    let factored = [&b"}\x8c\x18lowrank_compressed_state}K\x00"[..], &factors, b"ss"].concat();
    assert!(
        fault(&composed(b")", &technique(b"low_rank", &factored))).contains("larger than a model may be")
    );
    // Of 8192 by 1 and 1 by 8192: half a gigabyte of 64 KiB, unless it is known beforehand that nobody wants it.
    let (column, row) =
        (array(b"M\x00\x20K\x01\x86", &[0; 1 << 15]), array(b"K\x01M\x00\x20\x86", &[0; 1 << 15]));
    let factors = [&column[..], &one, &row, b"\x87"].concat();
    let factored = [&b"}\x8c\x18lowrank_compressed_state}K\x00"[..], &factors, b"ss"].concat();
    let grown = composed(b")", &technique(b"low_rank", &factored));
    assert!(fault(&grown).contains("larger than a model may be"));
    let large = Expected::layout(Arc::new(Layout::new([vec![8192, 4096]])));
    let refused = model(&grown, &large).unwrap_err().to_string();
    assert!(
        refused.contains("its factors make an array of 8192 by 8192; [8192, 4096] is expected"),
        "{refused}"
    );
    assert!(
        fault(&composed(&params, &technique(b"magic", b"}"))).contains("technique magic: it is not known")
    );
    assert!(
        fault(&composed(&params, &technique(b"ptq", b"}")))
            .contains("technique ptq: it says no ptq_original_dtype")
    );
    let again = [&b"("[..], &b"\x8c\x02dpN\x86".repeat(6), b"t"].concat();
    assert!(fault(&composed(&params, &again)).contains("6 techniques"));
}

proptest! {
    #[test]
    fn whatever_is_changed_in_a_model_it_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let models = foreign();
        let mut bytes = which.get(&models).1.to_vec();
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        let expected = Expected::layout(foreign_layout());
        match model(&bytes.into(), &expected) {
            Ok(model) => prop_assert_eq!(model.values().len(), 17),
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
    }

    #[test]
    fn any_opcodes_are_followed_or_refused(inner in prop::collection::vec(
        prop::sample::select(&b"\x80\x04\x95.N\x88\x89KMJ\x8aG\x8cXCB\x96()t\x85\x86\x87]}aesu\x94qhcR\x93bnumpy\n\x00\x01\x02"[..]),
        0..60,
    )) {
        let _ = machine::load(inner.into());
    }
}
