//! Creating an invoice: what can be billed is claimed first, by one statement each for time and expenses, and only claimed
//! rows are added up. So nothing is billed twice.

use std::collections::{BTreeSet, HashMap};

use entity::value::{
    ClientId, Currency, Date, Decimal, InvoiceId, InvoiceStatus, Money, OrganizationId, PaymentStatus, Percent,
    ProjectId, RateType, TaskId, fold,
};
use entity::{client, expense, invoice, invoice_line, organization, project, task, time_entry};
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use super::{InvoiceWithLines, amounts, with_lines};
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::reason::Reason;
use crate::door::operator::Operator;
use crate::door::write::Write;
use crate::nouns::organization as workspace;

/// What to bill, and how.
#[derive(Clone, Debug)]
pub struct NewInvoice {
    /// The client to bill.
    pub client: ClientId,
    /// The first day whose time and expenses are billed.
    pub from: Date,
    /// The last one.
    pub to: Date,
    /// The discount, subtracted from the subtotal before tax.
    pub discount: Option<Money>,
    /// The tax rate in percent; none means the client's default.
    pub tax_rate: Option<Percent>,
}

/// A line that has no position yet.
struct Draft {
    description: String,
    quantity: Decimal,
    unit_price: Money,
    amount: Money,
    project_id: Option<ProjectId>,
    task_id: Option<TaskId>,
}

impl NewInvoice {
    /// The first day that is after the last one, as a problem of the field `to`.
    pub(super) fn order_problem(from: Date, to: Date) -> Option<String> {
        (to < from).then(|| format!("must not be before from, {from}"))
    }
}

/// Bills a client's time, fees and expenses that are not billed yet, as a DRAFT with the workspace's next number.
///
/// # Errors
/// 404 without such a workspace or client; 409 when there is nothing to bill, or expenses in another currency; 422 when a
/// project has no rate, the discount is over the subtotal, or the days are the wrong way round.
pub async fn create(
    operator: &Operator,
    organization: OrganizationId,
    input: NewInvoice,
) -> Result<InvoiceWithLines, Error> {
    if let Some(problem) = NewInvoice::order_problem(input.from, input.to) {
        return Err(Error::invalid("to", problem));
    }
    operator.write(organization, async |write| bill(write, &input).await).await
}

/// The body of it, for everyone who makes invoices.
pub(super) async fn bill(write: &Write, input: &NewInvoice) -> Result<InvoiceWithLines, Error> {
    // The row of the workspace serialises its invoices: the number is taken in the transaction that inserts the invoice.
    let workspace = workspace::lock(write).await?;
    let client = write.lock_shared::<client::Entity>(input.client).await?.ok_or(Error::NotFound("client"))?;
    let row = insert_numbered(write, workspace, &client, input).await?;
    // Projects with fees are locked exclusively, and so last: a change of an expense locks the expense before its project.
    // Hourly ones are locked shared, which conflicts with none of that.
    let mut lines = bill_time(write, &row, input).await?;
    let expenses = bill_expenses(write, &row, input).await?;
    lines.extend(bill_fees(write, &row).await?);
    lines.extend(expenses);
    if lines.is_empty() {
        let message = format!(
            "{} has no billable time, fee or expense from {} to {} that is not billed yet",
            client.name, input.from, input.to
        );
        return Err(Error::conflict(Reason::NothingToBill, message));
    }
    let row = total(write, row, &lines, input.discount.unwrap_or_default()).await?;
    let place = |(position, line): (usize, Draft)| invoice_line::Model {
        id: write.new_id(),
        organization_id: write.organization_id(),
        invoice_id: row.id,
        position: i32::try_from(position).unwrap_or(i32::MAX),
        description: line.description,
        quantity: line.quantity,
        unit_price: line.unit_price,
        amount: line.amount,
        project_id: line.project_id,
        task_id: line.task_id,
    };
    write.insert_all::<invoice_line::Entity>(lines.into_iter().enumerate().map(place).collect()).await?;
    with_lines(write, row).await
}

/// The invoice, still empty, under the next number of its workspace.
async fn insert_numbered(
    write: &Write,
    workspace: organization::Model,
    client: &client::Model,
    input: &NewInvoice,
) -> Result<invoice::Model, Error> {
    let rank = workspace.next_invoice_number;
    let number = format!("{}{rank}", workspace.invoice_prefix);
    let next = organization::Model { next_invoice_number: rank + 1, ..workspace };
    next.into_active_model().reset_all().update(write.connection()).await?;

    let today = write.now.date();
    let days = amounts::days_to_pay(client.default_payment_terms.as_deref());
    let row = invoice::Model {
        id: write.new_id(),
        organization_id: write.organization_id(),
        client_id: client.id,
        number_key: fold(&number),
        number,
        number_rank: rank,
        status: InvoiceStatus::Draft,
        payment_status: PaymentStatus::Unpaid,
        subtotal: Money::ZERO,
        discount_amount: Money::ZERO,
        tax_rate: input.tax_rate.or(client.default_tax_rate),
        tax_amount: Money::ZERO,
        total: Money::ZERO,
        amount_paid: Money::ZERO,
        currency: client.currency.clone(),
        bill_to_name: client.name.clone(),
        issue_date: Some(today),
        due_date: Some(Date(today.0 + chrono::TimeDelta::days(days))),
        version: 1,
        created_at: write.now,
        updated_at: write.now,
        ..invoice::Model::blank()
    };
    write.insert::<invoice::Entity>(row.clone()).await?;
    Ok(row)
}

/// Adds up, and stores what the invoice comes to.
async fn total(write: &Write, row: invoice::Model, lines: &[Draft], discount: Money) -> Result<invoice::Model, Error> {
    let amounts = lines.iter().map(|line| line.amount);
    let totals = amounts::totals(amounts, discount, row.tax_rate, &row.currency)?;
    let row = invoice::Model {
        subtotal: totals.subtotal,
        discount_amount: totals.discount,
        tax_amount: totals.tax,
        total: totals.total,
        ..row
    };
    write.store::<invoice::Entity>(row.clone()).await?;
    Ok(row)
}

/// The time on one project and task that an invoice has claimed.
#[derive(FromQueryResult)]
struct Tracked {
    project_id: ProjectId,
    task_id: Option<TaskId>,
    quarters: i64,
}

/// A line for the time on each project and task.
async fn bill_time(write: &Write, row: &invoice::Model, input: &NewInvoice) -> Result<Vec<Draft>, Error> {
    let projects = hourly_projects(write, row.client_id).await?;
    if projects.is_empty() {
        return Ok(vec![]);
    }
    let due = Condition::all()
        .add(time_entry::Column::ProjectId.is_in(projects.iter().map(|project| project.id)))
        .add(time_entry::Column::Billable.eq(true))
        .add(time_entry::Column::InvoiceId.is_null())
        .add(time_entry::Column::DeletedAt.is_null())
        .add(time_entry::Column::DurationSeconds.gt(0))
        .add(time_entry::Column::EntryDate.gte(input.from))
        .add(time_entry::Column::EntryDate.lte(input.to));
    write.update_all::<time_entry::Entity>([(time_entry::Column::InvoiceId, row.id.into())], due).await?;

    // Each entry is rounded up by itself; the sum is of whole quarters.
    let seconds = Expr::col(time_entry::Column::DurationSeconds);
    let quarters = seconds.add(amounts::QUARTER - 1).div(amounts::QUARTER);
    let quarters: SimpleExpr = Func::sum(quarters).into();
    let tracked = time_entry::Entity::all_of(row.organization_id)
        .filter(time_entry::Column::InvoiceId.eq(row.id))
        .select_only()
        .columns([time_entry::Column::ProjectId, time_entry::Column::TaskId])
        .column_as(quarters.cast_as("BIGINT"), "quarters")
        .group_by(time_entry::Column::ProjectId)
        .group_by(time_entry::Column::TaskId)
        .into_model::<Tracked>()
        .all(write.connection())
        .await?;

    let of_entries = time_entry::Entity::all_of(row.organization_id)
        .filter(time_entry::Column::InvoiceId.eq(row.id))
        .filter(time_entry::Column::TaskId.is_not_null())
        .select_only()
        .column(time_entry::Column::TaskId)
        .into_query();
    let tasks = write.all::<task::Entity>(|query| query.filter(task::Column::Id.in_subquery(of_entries))).await?;
    let tasks: HashMap<TaskId, &task::Model> = tasks.iter().map(|task| (task.id, task)).collect();
    let projects: HashMap<ProjectId, &project::Model> = projects.iter().map(|project| (project.id, project)).collect();
    let mut lines = Vec::with_capacity(tracked.len());
    let mut without_rate = BTreeSet::new();
    for Tracked { project_id, task_id, quarters } in tracked {
        let Some(project) = projects.get(&project_id) else {
            return Err(Error::bug("time was claimed on a project that is not the client's"));
        };
        let Some(unit_price) = project.hourly_rate else {
            without_rate.insert(format!("{} ({project_id})", project.name));
            continue;
        };
        let task = task_id.and_then(|id| tasks.get(&id));
        let description = task.map_or_else(|| project.name.clone(), |task| format!("{}: {}", project.name, task.name));
        let quantity = amounts::hours(quarters)?;
        let amount = amounts::line(quantity, unit_price, &row.currency)?;
        let place = (project.name_key.clone(), project_id, task.map(|task| task.name_key.clone()), task_id);
        lines.push((place, Draft { description, quantity, unit_price, amount, project_id: Some(project_id), task_id }));
    }
    if !without_rate.is_empty() {
        let named = without_rate.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("set an hourlyRate for {named}: there is billable time without a price");
        return Err(Error::invalid("hourlyRate", message));
    }
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// The client's HOURLY projects, locked shared since their rates decide the amounts.
async fn hourly_projects(write: &Write, client: ClientId) -> Result<Vec<project::Model>, Error> {
    let projects = write.all::<project::Entity>(|query| {
        let of_client = query.filter(project::Column::ClientId.eq(client)).filter(project::Column::DeletedAt.is_null());
        let hourly = of_client.filter(project::Column::RateType.eq(RateType::Hourly));
        hourly.order_by_asc(project::Column::Id).lock_shared()
    });
    projects.await
}

/// A line for the fee of each project at a fixed price that was not billed yet.
async fn bill_fees(write: &Write, row: &invoice::Model) -> Result<Vec<Draft>, Error> {
    let projects = write.all::<project::Entity>(|query| {
        let of_client = query.filter(project::Column::ClientId.eq(row.client_id));
        let fixed = of_client.filter(project::Column::RateType.eq(RateType::Fixed));
        let due = fixed.filter(project::Column::DeletedAt.is_null()).filter(project::Column::FeeInvoiceId.is_null());
        due.order_by_asc(project::Column::Id).lock_exclusive()
    });
    let mut projects = projects.await?;
    projects.sort_by(|one, other| (&one.name_key, one.id).cmp(&(&other.name_key, other.id)));
    let mut lines = Vec::new();
    for project in projects {
        let Some(fee) = project.fixed_fee_amount else { continue };
        let (description, project_id) = (project.name.clone(), Some(project.id));
        write.store::<project::Entity>(project::Model { fee_invoice_id: Some(row.id), ..project }).await?;
        lines.push(one(description, fee, &row.currency, project_id)?);
    }
    Ok(lines)
}

/// A line for each expense.
async fn bill_expenses(write: &Write, row: &invoice::Model, input: &NewInvoice) -> Result<Vec<Draft>, Error> {
    let due = Condition::all()
        .add(expense::Column::ClientId.eq(row.client_id))
        .add(expense::Column::Billable.eq(true))
        .add(expense::Column::InvoiceId.is_null())
        .add(expense::Column::DeletedAt.is_null())
        .add(expense::Column::ExpenseDate.gte(input.from))
        .add(expense::Column::ExpenseDate.lte(input.to));
    write.update_all::<expense::Entity>([(expense::Column::InvoiceId, row.id.into())], due).await?;
    let claimed = write.all::<expense::Entity>(|query| {
        let of_invoice = query.filter(expense::Column::InvoiceId.eq(row.id));
        of_invoice.order_by_asc(expense::Column::ExpenseDate).order_by_asc(expense::Column::Id)
    });
    let claimed = claimed.await?;
    if let Some(other) = claimed.iter().find(|expense| expense.currency != row.currency) {
        let message = format!(
            "the expense {} of {} is in {}, the invoice in {}; make it not billable, or bill it in its own currency",
            other.id, other.expense_date, other.currency, row.currency
        );
        return Err(Error::conflict(Reason::OtherCurrency, message));
    }
    claimed.into_iter().map(|it| one(it.description, it.amount, &row.currency, it.project_id)).collect()
}

/// A line for one thing.
fn one(description: String, price: Money, currency: &Currency, project_id: Option<ProjectId>) -> Result<Draft, Error> {
    let quantity = Decimal::from_units(10_000);
    Ok(Draft {
        description,
        quantity,
        unit_price: price,
        amount: amounts::charged(price, currency)?,
        project_id,
        task_id: None,
    })
}

/// Releases the time, fees and expenses of an invoice, so that they can be billed again.
pub(super) async fn release(write: &Write, invoice: InvoiceId) -> Result<(), Error> {
    use time_entry::Column;
    // Projects in their order before what is on them, as everywhere.
    let billed = time_entry::Entity::all_of(write.organization_id()).filter(Column::InvoiceId.eq(invoice));
    let billed = billed.select_only().column(Column::ProjectId).into_query();
    let theirs =
        Condition::any().add(project::Column::Id.in_subquery(billed)).add(project::Column::FeeInvoiceId.eq(invoice));
    let projects =
        write.all::<project::Entity>(|query| query.filter(theirs).order_by_asc(project::Column::Id).lock_exclusive());
    let projects = projects.await?;

    // While time was on an invoice its project may have stopped being billable, and then the time is so no more either.
    let unbillable = projects.iter().filter(|project| project.rate_type == RateType::NonBillable);
    let unbillable = unbillable.map(|project| project.id);
    let (free, billed) = (None::<InvoiceId>, || Condition::all().add(Column::InvoiceId.eq(invoice)));
    let (changes, rows) = ([(Column::InvoiceId, free.into()), (Column::Billable, false.into())], billed());
    write.update_all::<time_entry::Entity>(changes, rows.add(Column::ProjectId.is_in(unbillable))).await?;
    write.update_all::<time_entry::Entity>([(Column::InvoiceId, free.into())], billed()).await?;
    let rows = Condition::all().add(expense::Column::InvoiceId.eq(invoice));
    write.update_all::<expense::Entity>([(expense::Column::InvoiceId, free.into())], rows).await?;
    for project in projects.into_iter().filter(|project| project.fee_invoice_id == Some(invoice)) {
        write.store::<project::Entity>(project::Model { fee_invoice_id: None, ..project }).await?;
    }
    Ok(())
}
