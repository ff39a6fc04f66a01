//! The names of made-up clients, projects, tasks and expenses.

pub(super) const TRADES: [&str; 13] = [
    "Bakery",
    "Orchards",
    "Architects",
    "Bicycles",
    "Dental Care",
    "Publishing",
    "Robotics",
    "Museum",
    "Brewery",
    "Logistics",
    "Pharmacy",
    "Sailing Club",
    "Radio",
];
pub(super) const FAMILIES: [&str; 13] = [
    "Alder",
    "Björk",
    "Castell",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "Grünwald",
    "Hartley",
    "Ivanova",
    "Jansen",
    "Kovač",
    "Lindqvist",
    "Moreau",
];
pub(super) const WORKS: [&str; 12] = [
    "Website",
    "Mobile app",
    "Brand refresh",
    "Data warehouse",
    "Online shop",
    "Annual report",
    "Booking system",
    "Newsletter",
    "Intranet",
    "Security review",
    "Migration",
    "Support",
];
pub(super) const NOTES: [&str; 12] = [
    "Design review",
    "Weekly call",
    "Bug fixing",
    "Pairing on the import",
    "Wireframes",
    "Release and checks",
    "Writing tests",
    "Research",
    "Copy editing",
    "Performance tuning",
    "Workshop with the client",
    "Estimates",
];
pub(super) const STEPS: [&str; 8] =
    ["Kick-off", "Research", "Wireframes", "Design", "Implementation", "Content", "Testing", "Launch"];
pub(super) const TAGS: [&str; 5] = ["design", "backend", "frontend", "urgent", "client"];
pub(super) const BOUGHT: [(&str, &str); 8] = [
    ("TRAVEL", "Train to the client"),
    ("TRAVEL", "Hotel, one night"),
    ("MEALS", "Lunch with the client"),
    ("SOFTWARE", "Font licence"),
    ("SOFTWARE", "Hosting, one month"),
    ("EQUIPMENT", "Test phone"),
    ("CONTRACTORS", "Translation"),
    ("OTHER", "Printing"),
];
/// Streets with their town, postal code and country.
pub(super) const ADDRESSES: [(&str, &str, &str, &str); 6] = [
    ("Lindenstraße", "Berlin", "10969", "Germany"),
    ("Rue des Lilas", "Lyon", "69003", "France"),
    ("Mannerheimintie", "Helsinki", "00100", "Finland"),
    ("Harbour Road", "Bristol", "BS1 5TY", "United Kingdom"),
    ("Elm Street", "Portland", "97205", "United States"),
    ("Bahnhofstrasse", "Zürich", "8001", "Switzerland"),
];
