//! Reports as CSV tables, and when a client prefers one.

use service::Visible;
use service::report::{
    ExpenseReport, ExpenseReportKeys, InvoiceReport, InvoiceReportKeys, TimeReport, TimeReportKeys, TimeReportNoun,
};
use service::value::{ExpenseReportGroup, InvoiceReportGroup, ReportGroup};

use crate::http::accept::ranges;

/// How a table is written (RFC 4180 by default).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Whether a byte order mark comes first, by which spreadsheets recognise UTF-8.
    pub bom: bool,
    /// What stands between two cells: a comma or a semicolon.
    pub separator: char,
    /// Whether the ids of clients, projects, tasks and members are in columns at the end.
    pub ids: bool,
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect { bom: false, separator: ',', ids: false }
    }
}

/// Whether `Accept` prefers CSV to JSON. On equal quality CSV is taken only where JSON is not named.
pub(super) fn prefers_csv(accept: &str) -> bool {
    let quality = |names: &[&str]| {
        let of_these = ranges(accept).filter(|(name, _)| names.contains(&name.as_str()));
        of_these.map(|(_, quality)| quality).reduce(f32::max)
    };
    let csv = quality(&["text/csv"]).unwrap_or(0.0);
    let json = quality(&["application/json"]);
    csv > 0.0 && json.map_or_else(|| csv >= quality(&["application/*", "*/*"]).unwrap_or(0.0), |json| csv > json)
}

/// The keys in the order of the request, then seconds, billableSeconds, entries and, where the caller sees amounts, currency
/// and amount; then the ids, if they are asked for. A group in several currencies has a line for each.
pub(super) fn time(report: &TimeReport, groups: &[ReportGroup], dialect: Dialect) -> String {
    let has_amounts = report.total.amounts.get().is_some();
    let mut header: Vec<_> = groups.iter().map(|group| group.as_str().to_ascii_lowercase()).collect();
    header.extend(["seconds", "billableSeconds", "entries"].map(str::to_owned));
    if has_amounts {
        header.extend(["currency", "amount"].map(str::to_owned));
    }
    let with_id: Vec<_> = groups.iter().filter_map(|group| Some((*group, id_column(*group)?))).collect();
    let with_id = if dialect.ids { with_id } else { vec![] };
    header.extend(with_id.iter().map(|(_, column)| (*column).to_owned()));
    let lines = report.rows.iter().flat_map(|row| row.by_currency.iter().map(move |line| (row, line)));
    table(dialect, header, lines, |(row, (currency, sums))| {
        let mut cells: Vec<_> = groups.iter().map(|group| time_key(&row.keys, *group)).collect();
        cells.extend([sums.seconds, sums.billable_seconds, sums.entries].map(|count| count.to_string()));
        if has_amounts {
            cells.push(currency.as_ref().map(ToString::to_string).unwrap_or_default());
            let amount = sums.amounts.get().and_then(|amounts| amounts.first());
            cells.push(amount.map(|earned| earned.amount.to_string()).unwrap_or_default());
        }
        cells.extend(with_id.iter().map(|(group, _)| time_id(&row.keys, *group)));
        cells
    })
}

/// The keys in the order of the request, then count, currency, amount and billableAmount; a line per group and currency.
pub(super) fn expenses(report: &ExpenseReport, groups: &[ExpenseReportGroup], dialect: Dialect) -> String {
    let mut header: Vec<_> = groups.iter().map(|group| group.as_str().to_ascii_lowercase()).collect();
    header.extend(["count", "currency", "amount", "billableAmount"].map(str::to_owned));
    let by = |group| dialect.ids && groups.contains(&group);
    let (by_client, by_project) = (by(ExpenseReportGroup::Client), by(ExpenseReportGroup::Project));
    header.extend(by_client.then(|| "clientId".to_owned()));
    header.extend(by_project.then(|| "projectId".to_owned()));
    let rows = report.rows.iter().flat_map(|row| row.amounts.iter().map(move |sums| (Some(&row.keys), sums)));
    let total = report.total.amounts.iter().filter(|_| groups.is_empty()).map(|sums| (None, sums));
    table(dialect, header, rows.chain(total), |(keys, sums)| {
        let mut cells: Vec<_> =
            groups.iter().map(|group| keys.map(|keys| expense_key(keys, *group)).unwrap_or_default()).collect();
        cells.push(sums.count.to_string());
        cells.extend([sums.currency.to_string(), sums.amount.to_string(), sums.billable_amount.to_string()]);
        cells.extend(by_client.then(|| keys.map(|keys| id(&keys.client)).unwrap_or_default()));
        cells.extend(by_project.then(|| keys.map(|keys| id(&keys.project)).unwrap_or_default()));
        cells
    })
}

/// The keys in the order of the request, then count, currency, total, amountPaid and outstanding; a line per group and
/// currency.
pub(super) fn invoices(report: &InvoiceReport, groups: &[InvoiceReportGroup], dialect: Dialect) -> String {
    let mut header: Vec<_> = groups.iter().map(|group| invoice_group(*group).to_owned()).collect();
    header.extend(["count", "currency", "total", "amountPaid", "outstanding"].map(str::to_owned));
    let by_client = dialect.ids && groups.contains(&InvoiceReportGroup::Client);
    header.extend(by_client.then(|| "clientId".to_owned()));
    let rows = report.rows.iter().flat_map(|row| row.amounts.iter().map(move |sums| (Some(&row.keys), sums)));
    let total = report.total.amounts.iter().filter(|_| groups.is_empty()).map(|sums| (None, sums));
    table(dialect, header, rows.chain(total), |(keys, sums)| {
        let mut cells: Vec<_> =
            groups.iter().map(|group| keys.map(|keys| invoice_key(keys, *group)).unwrap_or_default()).collect();
        cells.extend([sums.count.to_string(), sums.currency.to_string()]);
        cells.extend([sums.total, sums.amount_paid, sums.outstanding].map(|amount| amount.to_string()));
        cells.extend(by_client.then(|| keys.map(|keys| id(&keys.client)).unwrap_or_default()));
        cells
    })
}

/// A group of the invoice report, as it is written in a query.
pub(super) fn invoice_group(group: InvoiceReportGroup) -> &'static str {
    match group {
        InvoiceReportGroup::Client => "client",
        InvoiceReportGroup::Status => "status",
        InvoiceReportGroup::PaymentStatus => "paymentStatus",
        InvoiceReportGroup::Month => "month",
    }
}

fn name(record: &Visible<TimeReportNoun>) -> String {
    record.get().and_then(|record| record.name.clone()).unwrap_or_default()
}

fn id(record: &Visible<TimeReportNoun>) -> String {
    record.get().map(|record| record.id.to_string()).unwrap_or_default()
}

/// The column of the ids of what a report is grouped by, named as the filter that takes them; periods have none.
fn id_column(group: ReportGroup) -> Option<&'static str> {
    match group {
        ReportGroup::Client => Some("clientId"),
        ReportGroup::Project => Some("projectId"),
        ReportGroup::Task => Some("taskId"),
        ReportGroup::Member => Some("userId"),
        ReportGroup::Day | ReportGroup::Week | ReportGroup::Month => None,
    }
}

/// The id of a row's record under one of its keys.
fn time_id(keys: &TimeReportKeys, group: ReportGroup) -> String {
    match group {
        ReportGroup::Client => id(&keys.client),
        ReportGroup::Project => id(&keys.project),
        ReportGroup::Task => id(&keys.task),
        ReportGroup::Member => keys.member.get().map(|member| member.user_id.to_string()).unwrap_or_default(),
        ReportGroup::Day | ReportGroup::Week | ReportGroup::Month => String::new(),
    }
}

fn shown<T: ToString>(value: &Visible<T>) -> String {
    value.get().map(ToString::to_string).unwrap_or_default()
}

/// The value of a row under one of its keys: a name, or a period.
fn time_key(keys: &TimeReportKeys, group: ReportGroup) -> String {
    let TimeReportKeys { client, project, task, member, day, week, month } = keys;
    match group {
        ReportGroup::Client => name(client),
        ReportGroup::Project => name(project),
        ReportGroup::Task => name(task),
        ReportGroup::Member => member.get().and_then(|member| member.name.clone()).unwrap_or_default(),
        ReportGroup::Day => shown(day),
        ReportGroup::Week => shown(week),
        ReportGroup::Month => shown(month),
    }
}

fn expense_key(keys: &ExpenseReportKeys, group: ExpenseReportGroup) -> String {
    let ExpenseReportKeys { client, project, category, month } = keys;
    match group {
        ExpenseReportGroup::Client => name(client),
        ExpenseReportGroup::Project => name(project),
        ExpenseReportGroup::Category => shown(category),
        ExpenseReportGroup::Month => shown(month),
    }
}

fn invoice_key(keys: &InvoiceReportKeys, group: InvoiceReportGroup) -> String {
    let InvoiceReportKeys { client, status, payment_status, month } = keys;
    match group {
        InvoiceReportGroup::Client => name(client),
        InvoiceReportGroup::Status => shown(status),
        InvoiceReportGroup::PaymentStatus => shown(payment_status),
        InvoiceReportGroup::Month => shown(month),
    }
}

/// A header line and a line for each row.
fn table<R>(
    dialect: Dialect,
    header: Vec<String>,
    rows: impl Iterator<Item = R>,
    cells: impl Fn(R) -> Vec<String>,
) -> String {
    let mut table = String::from(if dialect.bom { "\u{feff}" } else { "" });
    for line in std::iter::once(header).chain(rows.map(cells)) {
        for (i, text) in line.iter().enumerate() {
            if i > 0 {
                table.push(dialect.separator);
            }
            table += &cell(text, dialect.separator);
        }
        table += "\r\n";
    }
    table
}

/// A cell, quoted where needed. What a spreadsheet would read as a formula gets a leading apostrophe: at the beginning, and
/// wherever a spreadsheet that expects the other separator would begin a cell.
fn cell(text: &str, separator: char) -> String {
    let other = if separator == ';' { ',' } else { ';' };
    let begins_cell = |before: Option<char>| before.is_none_or(|c| c == other || matches!(c, '\t' | '\r' | '\n'));
    let mut safe = String::with_capacity(text.len() + 2);
    let mut before = None;
    for c in text.chars() {
        if begins_cell(before) && matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
            safe.push('\'');
        }
        safe.push(c);
        before = Some(c);
    }
    let quoted = safe.contains([',', ';', '"', '\r', '\n', '\t']);
    if quoted { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_sent_where_accept_prefers_it() {
        for (accept, table) in [
            ("text/csv", true),
            ("TEXT/CSV; charset=utf-8", true),
            ("text/csv, */*", true),
            ("text/csv;q=0.5, */*;q=0.1", true),
            ("application/json;q=0.5, text/csv", true),
            ("application/json, text/csv", false),
            ("application/json, text/csv;q=0.1", false),
            ("text/csv;q=0.5, */*", false),
            ("text/csv;q=0", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(prefers_csv(accept), table, "{accept}");
        }
    }

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("＝1+1", "'＝1+1"),
            ("＠x", "'＠x"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("a;=1+1", "\"a;'=1+1\""),
            ("a\n=1+1", "\"a\n'=1+1\""),
            ("1,-2", "\"1,-2\""),
            ("x-y=z", "x-y=z"),
        ] {
            assert_eq!(cell(text, ','), written);
        }
        assert_eq!(cell("a,=1+1", ';'), "\"a,'=1+1\"");
        assert_eq!(cell("a;=1+1", ';'), "\"a;=1+1\"");
    }
}
