//! The page, the Markdown and the figures of a run.

use modiste_draw::Picture;
use modiste_metrics::{Evaluation, Mistake, RocCurve, evaluate, roc_curves};
use modiste_model::{EpochMetrics, EpochRow, Timing};
use modiste_report::{
    Block, Figure, MistakeImage, PartReport, Reference, RunReport, Section, comparison,
    confusion_png, figures,
};

/// The evaluation and the ROC curves of 200 images of `classes` classes, every fifth misclassified.
fn answers(classes: usize) -> (Evaluation, Vec<Option<RocCurve>>) {
    let names: Vec<String> = (0..classes).map(|class| format!("class <{class}> | x")).collect();
    let labels: Vec<u16> = (0..200).map(|i| (i % classes) as u16).collect();
    let mut logits = vec![0.0; 200 * classes];
    for i in 0..200 {
        let prediction = if i % 5 == 0 { (i + 1) % classes } else { i % classes };
        logits[i * classes + prediction] = 3.0;
    }
    let roc = roc_curves(&logits, &labels, classes, 50);
    (evaluate(&logits, &labels, &names, 1).unwrap(), roc)
}

fn part(name: &str, classes: usize) -> PartReport {
    let (evaluation, roc) = answers(classes);
    PartReport { name: name.into(), evaluation, roc }
}

fn epoch(epoch: usize) -> EpochRow {
    let rest = 1.0 / epoch as f64;
    let metrics = EpochMetrics {
        epoch,
        learning_rate: 0.001 * rest,
        train_loss: rest,
        train_accuracy: 1.0 - rest / 2.0,
        validation_loss: Some(1.5 * rest),
        validation_accuracy: Some(0.9 - rest / 2.0),
        validation_auroc: (epoch > 1).then_some(0.95),
        current: None,
    };
    EpochRow { metrics, timing: Some(Timing { seconds: 2.0, images_per_second: 10.0 }) }
}

fn mistake(shape: [usize; 3]) -> MistakeImage {
    let mistake =
        Mistake { index: 41, truth: 0, prediction: 1, probability: 0.9, truth_probability: 1e-6 };
    let picture = Picture::new(vec![7; shape.iter().product()], shape).unwrap();
    MistakeImage { mistake, beside: vec![picture.clone()], picture }
}

fn report() -> RunReport {
    RunReport {
        name: "a <run> & more".into(),
        data: "split paper".into(),
        parameters: 211_898,
        settings: vec![("name".into(), "<script>alert(1)</script>".into())],
        epochs: (1..=12).map(epoch).collect(),
        best_epoch: Some(9),
        parts: vec![part("train", 3), part("validation", 4)],
        references: vec![Reference {
            name: "the paper".into(),
            part: "validation".into(),
            accuracy: Some(0.94),
            loss: None,
            auroc: Some(0.997),
        }],
        mistakes_part: "validation".into(),
        mistakes: vec![mistake([28, 28, 1]), mistake([4, 5, 3])],
        classes: vec!["Shirt".into(), "Coat".into()],
        network: Vec::new(),
        more: vec![Section {
            title: "Baselines".into(),
            blocks: vec![Block::Text("none < better".into())],
        }],
    }
}

#[track_caller]
fn expect_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing");
    }
}

#[test]
fn the_page_says_everything() {
    let page = report().page().html();
    let interval = "<small>0.739 to 0.850</small>"; // Wilson's for 160 of 200
    expect_all(&page, &["a &lt;run&gt; &amp; more", "211,898 trainable parameters", interval]);
    expect_all(&page, &["best epoch: 9", "12 epochs in 24.0 s", "0.940", "0.997", "0.000111"]);
    expect_all(&page, &["Misclassification gap, validation minus training: 0.0 percentage points"]);
    expect_all(&page, &["<b>Shirt &lt; 0.1 %</b><br>seen as Coat 90.0 %<br>image 41"]);
    expect_all(&page, &["class &lt;0&gt; | x seen as class &lt;1&gt; | x: 10 of 50"]);
    expect_all(&page, &["<th scope=\"col\">setting", "<th scope=\"row\">mean", "none &lt; better"]);
    assert_eq!(page.matches("<svg").count(), 3 + 2 * 3, "curves; a matrix and two more a part");
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 4);
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\"><title>").count());
}

#[test]
fn the_page_is_self_contained_and_escapes_markup() {
    let page = report().page().html();
    for word in ["http", "<script", "url(", "@import", "<link", "NaN", "inf,", " src=\"/"] {
        assert!(!page.contains(word), "{word} is in the page");
    }
    let style = page.matches('{').count();
    assert_eq!(style, page.matches('}').count(), "the style's braces match");
    for tag in ["table", "section", "div", "figure", "tr", "td", "th", "svg", "details", "g", "b"] {
        let closed = page.matches(&format!("</{tag}>")).count();
        let opened = [format!("<{tag}>"), format!("<{tag} ")].map(|t| page.matches(&t).count());
        assert_eq!(opened[0] + opened[1], closed, "{tag}");
    }
}

#[test]
fn an_empty_run_is_a_short_page() {
    let page = RunReport::default().page();
    assert!(page.html().contains("<h1></h1>") && !page.html().contains("<section"));
    assert_eq!(page.markdown(""), "# \n");
    assert_eq!(page.files("report", "figures/").unwrap().len(), 2);
}

#[test]
fn every_figure_is_a_file_that_the_markdown_links() {
    let page = report().page();
    let files = page.files("report", "figures/").unwrap();
    let markdown = page.markdown("figures/");
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for stem in ["curves", "confusion-train", "reliability-validation", "roc-train", "mistakes"] {
        assert!(markdown.contains(&format!("](figures/{stem}.svg)")), "{stem}");
        for extension in ["svg", "png"] {
            let name = format!("figures/{stem}.{extension}");
            assert!(names.contains(&name.as_str()), "{name} is not in {names:?}");
        }
    }
    assert_eq!(files, page.files("report", "figures/").unwrap(), "the same bytes again");
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".svg")) {
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{name}");
        assert!(!text.contains("<text") && text.contains("<desc>"), "{name}");
    }
}

#[test]
fn many_classes_are_drawn_as_a_picture() {
    let mut report = report();
    report.mistakes.clear();
    report.parts = vec![part("test", 41)];
    let page = report.page().html();
    assert!(!page.contains("Confusion matrix as a table"));
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 1);
}

#[test]
fn numbers_that_are_not_finite_leave_gaps() {
    let mut report = report();
    report.epochs[3].metrics.train_loss = f64::NAN;
    report.epochs[4].metrics.validation_loss = Some(f64::INFINITY);
    report.epochs.truncate(5);
    let page = report.page();
    assert!(!page.html().contains("NaN") && !page.html().contains("inf "));
    assert!(page.markdown("").contains(" - |"));
    report.epochs.truncate(1);
    report.epochs[0].metrics.validation_loss = Some(f64::NAN);
    expect_all(&report.page().html(), &["epoch 1, training: 1.0000"]);
}

#[test]
fn markdown_has_the_same_numbers_in_whole_tables() {
    let text = report().page().markdown("figures/");
    expect_all(
        &text,
        &["# a \\<run> & more", "(0.739 to 0.850)", "**0.000111**", "class \\<0> \\| x"],
    );
    expect_all(&text, &["Confusion matrix as a table", "## Worst mistakes: validation"]);
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| line.starts_with('|'))) {
        assert_eq!(columns(pair[0]), columns(pair[1]), "{pair:?}");
        assert_eq!(pair[0].chars().count(), pair[1].chars().count(), "{pair:?}");
    }
}

#[test]
fn the_curves_are_three_charts_in_one_file() {
    let curves = figures::curves(&report().epochs, Some(9));
    assert_eq!(curves.len(), 3);
    let marks = curves.iter().flat_map(|chart| chart.texts()).filter(|t| *t == "best epoch: 9");
    assert_eq!(marks.count(), 3);
    let svg = Figure::panels("curves", "Curves", curves).whole().svg();
    assert_eq!(svg.matches("<svg ").count(), 1);
    assert_eq!(svg.matches("</title>").count(), 1 + 12 * 5, "a hint for each point");
    assert!(figures::curves(&[], None).is_empty());
}

#[test]
fn confusion_matrices_of_any_size_are_pictures() {
    for classes in [1, 2, 14, 15, 24, 25, 41, 300, 1500] {
        let names: Vec<String> = (0..classes).map(|i| format!("a rather long name {i}")).collect();
        let mut logits = vec![0.0; 2 * classes];
        logits[0] = 1.0;
        logits[2 * classes - 1] = 1.0;
        let png = confusion_png(&evaluate(&logits, &[0, 0], &names, 1).unwrap()).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        assert!(png.len() < 200_000, "{classes} classes make {} bytes", png.len());
    }
}

#[test]
fn a_confusion_matrix_has_counts_and_rates() {
    let drawing = figures::confusion(&answers(4).0);
    let texts: Vec<&str> = drawing.texts().collect();
    for text in ["40", "10", "80.0 %", "20.0 %", "accuracy 0.800, 200 images"] {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
    assert!(drawing.description.contains("10 of class <0> | x seen as class <1> | x"));
}

#[test]
fn several_runs_are_compared() {
    let mut other = report();
    other.name = "another".into();
    other.parts.clear();
    other.settings = vec![("name".into(), "b".into()), ("training.epochs".into(), "12".into())];
    let mut first = report();
    first.settings.push(("training.epochs".into(), "12".into()));
    let page = comparison(&[first, other]);
    let text = page.html();
    expect_all(&text, &["Settings that differ", "a &lt;run&gt; &amp; more", "another"]);
    expect_all(
        &text,
        &["<th scope=\"row\">name</th><td>&lt;script&gt;alert(1)&lt;/script&gt;</td>"],
    );
    expect_all(&text, &["Settings in common", "epoch 9, another: 0.8444", "9 of 12"]);
    assert_eq!(text.matches("<svg").count(), 6, "five charts and the names");
    let same = comparison(&[report(), report()]).html();
    expect_all(&same, &["The runs have the same settings."]);
}

#[test]
fn a_chart_of_many_epochs_draws_a_limited_number_of_points() {
    let size = |epochs: usize| {
        let epochs: Vec<EpochRow> = (1..=epochs).map(epoch).collect();
        let drawings = figures::curves(&epochs, Some(1));
        drawings.iter().map(|drawing| drawing.svg().len()).sum::<usize>()
    };
    assert!(size(100_000) < 2 * size(1_000), "{} against {}", size(100_000), size(1_000));
}

#[test]
fn control_characters_of_names_are_shown_in_both_pages() {
    let mut report = report();
    report.name = "run\u{1b}]0;x\u{7}".into();
    report.classes[0] = "a\u{1b}[31mb".into();
    let page = report.page();
    for text in [page.html(), page.markdown("figures/")] {
        assert!(!text.contains(['\u{1b}', '\u{7}']), "a control character is in the page");
        assert!(text.contains("u{1b}"), "the control character is not shown");
    }
}
