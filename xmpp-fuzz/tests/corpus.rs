//! Every target with every file of its corpus, with damaged copies of them, and with random bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use proptest::prelude::*;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn every_file_of_the_corpus() {
    for (name, target) in xmpp_fuzz::TARGETS {
        corpus(name).iter().for_each(|input| target(input));
    }
}

#[test]
fn every_prefix_of_every_file() {
    for (name, target) in xmpp_fuzz::TARGETS {
        for input in corpus(name) {
            // Some hundred cuts of each are enough to meet every state, and keep the test short.
            let step = (input.len() / 150).max(1);
            (0..input.len()).step_by(step).for_each(|end| target(&input[..end]));
        }
    }
}

proptest! {
    #[test]
    fn damaged_files(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        for (name, target) in xmpp_fuzz::TARGETS {
            for mut input in corpus(name) {
                for (index, byte) in &edits {
                    let at = index.index(input.len());
                    input[at] = *byte;
                }
                target(&input);
            }
        }
    }

    #[test]
    fn random_bytes(input in prop::collection::vec(any::<u8>(), 0..200)) {
        for (_, target) in xmpp_fuzz::TARGETS {
            target(&input);
        }
    }

    #[test]
    fn random_text(input in "[<>/'=&;a-e:@. \u{1}é]{0,80}") {
        for (_, target) in xmpp_fuzz::TARGETS {
            target(input.as_bytes());
        }
    }
}
