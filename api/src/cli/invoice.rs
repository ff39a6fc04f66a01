//! `invoice`: billing, which is for the operator only; no token can do it.

use clap::Subcommand;
use service::invoice::{self, InvoiceWithLines, NewInvoice};
use service::value::{ClientId, Date, InvoiceId, Money, OrganizationId, Percent};
use service::{Error, Operator};

use super::manage::value;
use super::{Common, Failure, internal, print};

#[derive(Subcommand)]
pub(super) enum Invoice {
    /// List the invoices of a workspace.
    List {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
    },
    /// Show an invoice with its lines.
    Show {
        /// The invoice's id.
        #[arg(long, value_parser = value::<InvoiceId>)]
        invoice: InvoiceId,
    },
    /// Bill a client's unbilled time, fees and expenses, as a draft.
    Create {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
        /// The client's id.
        #[arg(long, value_parser = value::<ClientId>)]
        client: ClientId,
        /// The first day to bill, YYYY-MM-DD.
        #[arg(long, value_parser = value::<Date>)]
        from: Date,
        /// The last day to bill, YYYY-MM-DD.
        #[arg(long, value_parser = value::<Date>)]
        to: Date,
        /// The amount to subtract from the subtotal.
        #[arg(long, value_parser = value::<Money>, allow_negative_numbers = true)]
        discount: Option<Money>,
        /// The tax rate in percent; by default the client's.
        #[arg(long, value_parser = value::<Percent>, allow_negative_numbers = true)]
        tax_rate: Option<Percent>,
    },
    /// Mark a draft as sent to the client.
    Send {
        /// The invoice's id.
        #[arg(long, value_parser = value::<InvoiceId>)]
        invoice: InvoiceId,
    },
    /// Record a payment.
    Pay {
        /// The invoice's id.
        #[arg(long, value_parser = value::<InvoiceId>)]
        invoice: InvoiceId,
        /// The amount; by default the whole open amount.
        #[arg(long, value_parser = value::<Money>, allow_negative_numbers = true)]
        amount: Option<Money>,
    },
    /// Record a failed payment; the invoice does not change.
    FailPayment {
        /// The invoice's id.
        #[arg(long, value_parser = value::<InvoiceId>)]
        invoice: InvoiceId,
        /// The amount; by default the whole open amount.
        #[arg(long, value_parser = value::<Money>, allow_negative_numbers = true)]
        amount: Option<Money>,
        /// The reason, for the event.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Record a refund of everything that was paid.
    Refund {
        /// The invoice's id.
        #[arg(long, value_parser = value::<InvoiceId>)]
        invoice: InvoiceId,
    },
    /// Cancel an invoice that is not paid; what it billed can be billed again.
    Cancel {
        /// The invoice's id.
        #[arg(long, value_parser = value::<InvoiceId>)]
        invoice: InvoiceId,
    },
}

impl Invoice {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let operator = Operator::of(&common.open().await?);
        if let Invoice::List { workspace } = self {
            let all = invoice::all_of(&operator, workspace).await.map_err(internal)?;
            let lines = all.iter().map(in_words).collect::<Vec<_>>().join("\n");
            return print::outcome(common.json, &all, lines);
        }
        let made = self.carry_out(&operator).await.map_err(internal)?;
        let InvoiceWithLines { invoice, lines } = &made;
        let mut words = in_words(invoice);
        for line in lines {
            words.push_str(&format!(
                "\n  {} x {} = {}  {}",
                line.quantity, line.unit_price, line.amount, line.description
            ));
        }
        print::outcome(common.json, &made, words)
    }

    async fn carry_out(self, operator: &Operator) -> Result<InvoiceWithLines, Error> {
        match self {
            Invoice::List { .. } => Err(Error::bug("a list is not a single invoice")),
            Invoice::Show { invoice } => invoice::show(operator, invoice).await,
            Invoice::Create { workspace, client, from, to, discount, tax_rate } => {
                invoice::create(operator, workspace, NewInvoice { client, from, to, discount, tax_rate }).await
            }
            Invoice::Send { invoice } => invoice::send(operator, invoice).await,
            Invoice::Pay { invoice, amount } => invoice::pay(operator, invoice, amount).await,
            Invoice::FailPayment { invoice, amount, reason } => {
                invoice::fail_payment(operator, invoice, amount, reason).await
            }
            Invoice::Refund { invoice } => invoice::refund(operator, invoice).await,
            Invoice::Cancel { invoice } => invoice::cancel(operator, invoice).await,
        }
    }
}

/// One line about an invoice.
fn in_words(invoice: &invoice::Invoice) -> String {
    format!(
        "{}  {}  {} ({})  {} {}  {}",
        invoice.id,
        invoice.number,
        invoice.status,
        invoice.payment_status,
        invoice.total,
        invoice.currency,
        invoice.bill_to_name,
    )
}
