//! The workspace itself, changed by those who administer it.

use service::organization::{UpdateOrganizationInput, update, versioned};
use service::{Error, Precondition};
use tests::{Fixtures, on_both};

use super::{Person, currency, sent};

on_both! {
    /// Fields change and clear; of two who change it at once, the second is shown that it was changed.
    async fn a_workspace_changes_by_version(world: World) {
        let home = Fixtures::new(&world).await.home;
        let admin = Person::sign_in(&world, home.id, "admin@home.example").await;
        let before = versioned(&admin.cx().await).await.unwrap();
        let seen = Precondition::OneOf(vec![before.version]);
        let changes = || UpdateOrganizationInput {
            name: sent("Acme"),
            legal_name: sent("Acme GmbH"),
            tax_id: sent("DE1"),
            invoice_prefix: sent("A-"),
            business_email: sent("office@acme.example"),
            business_website: sent("https://acme.example"),
            ..currency("CHF")
        };
        let after = update(&admin.cx_with("k").await, &seen, changes()).await.unwrap().into_record().unwrap();
        assert_eq!(after.version, before.version + 1);
        let again = update(&admin.cx_with("k").await, &seen, changes()).await.unwrap().into_record().unwrap();
        assert_eq!(again.version, after.version, "a double click changes it once");
        let shown = world.get(&home.owner, "/api/v1/organization").await.data(200);
        for (field, value) in [
            ("name", "Acme"),
            ("defaultCurrency", "CHF"),
            ("invoicePrefix", "A-"),
            ("legalName", "Acme GmbH"),
            ("taxId", "DE1"),
            ("businessEmail", "office@acme.example"),
            ("businessWebsite", "https://acme.example"),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        let stale = update(&admin.cx().await, &seen, currency("EUR")).await.unwrap_err();
        assert!(matches!(stale, Error::Stale { version } if version == Some(after.version)), "{stale}");
        let cleared = UpdateOrganizationInput { legal_name: sent(""), ..Default::default() };
        update(&admin.cx().await, &Precondition::Any, cleared).await.unwrap();
        assert!(world.get(&home.owner, "/api/v1/organization").await.data(200)["legalName"].is_null());
        let nameless = UpdateOrganizationInput { name: sent(" "), default_currency: sent("XXX"), ..Default::default() };
        let wrong = update(&admin.cx().await, &Precondition::Any, nameless).await.unwrap_err();
        assert!(wrong.fields().unwrap().names("name") && wrong.fields().unwrap().names("defaultCurrency"), "{wrong}");
    }
}

on_both! {
    /// A Member sees the workspace without its legal name and tax number.
    async fn a_member_sees_no_legal_fields(world: World) {
        let home = Fixtures::new(&world).await.home;
        let member = Person::sign_in(&world, home.id, "member@home.example").await;
        let shown = versioned(&member.cx().await).await.unwrap().organization;
        assert!(shown.legal_name.is_hidden() && shown.tax_id.is_hidden());
    }
}
