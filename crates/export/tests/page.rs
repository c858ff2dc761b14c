//! An exported page contains the network unchanged.

use modiste_export::{
    ExportError, PageCard, PagePreparation, PageSource, Program, page, read_page,
};
use modiste_reference::check::{networks, perturbed_state, unusual_networks};
use modiste_spec::Network;

fn page_of(network: &Network, classes: &[String]) -> (Program, String) {
    let program = Program::new(network, &perturbed_state(network, 3).parameters).unwrap();
    let shape = network.input_shape();
    let preparation = PagePreparation {
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        fit: "pad".into(),
        ground: "auto".into(),
        garments: false,
    };
    let card = PageCard {
        name: "</script><b>name".into(),
        data: "data".into(),
        split: "full".into(),
        epoch: 1,
        parameters: 1,
        modiste: "0".into(),
        checksum: "0".into(),
        figures: vec![],
        rules: vec![],
    };
    let text = page(&program, &PageSource { classes, temperature: 1.25, preparation, card });
    (program, text)
}

#[test]
fn the_network_in_a_page_is_bit_identical() {
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        let (program, text) = page_of(&network, &[]);
        let (found, temperature) = read_page(&text).unwrap();
        assert!(found == program, "{name}");
        assert_eq!(temperature, 1.25);
    }
}

#[test]
fn names_cannot_end_the_script() {
    let classes = ["</script><script>alert(1)</script>".to_owned(), "<!--".to_owned()];
    let (_, network) = networks().swap_remove(0);
    let (_, text) = page_of(&network, &classes);
    assert_eq!(text.matches("</script>").count(), 4);
    assert!(!text.contains("<!--") && !text.contains("<script>alert"));
}

#[test]
fn the_page_loads_nothing() {
    let (_, network) = networks().swap_remove(0);
    let text = page_of(&network, &[]).1;
    for word in ["http://", "https://", "fetch(", "XMLHttpRequest", "import(", "src=\"", "url("] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(text.contains("default-src 'none'"));
    assert!(text.contains("class Network") && text.contains("function decodeJpeg"));
}

#[test]
fn files_that_are_not_pages_are_refused() {
    let (_, network) = networks().swap_remove(0);
    let text = page_of(&network, &[]).1;
    let cut = text.split_once("id=\"weights\">").unwrap().0;
    for bad in ["", "<html>", cut, &text.replace("\"steps\"", "\"stops\"")] {
        assert!(matches!(read_page(bad), Err(ExportError::Page(_))));
    }
}
