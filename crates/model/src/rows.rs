//! Files of comma-separated values (RFC 4180, lines ended by a line feed).

/// The text of a file with these rows, including the header.
///
/// Pass cells with names of classes or files, which the user chose, through [`modiste_files::guarded`]
/// first.
pub fn csv_text<R>(rows: impl IntoIterator<Item = R>) -> String
where
    R: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("memory takes any row");
    }
    let bytes = writer.into_inner().expect("memory takes any row");
    String::from_utf8(bytes).expect("cells are texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let rows = [["a", "b"], ["1,2", "say \"x\""], ["", "two\nlines"]];
        assert_eq!(csv_text(rows), "a,b\n\"1,2\",\"say \"\"x\"\"\"\n,\"two\nlines\"\n");
    }
}
