// The first request is shown with the address that this page was opened at.
for (const shown of document.querySelectorAll('.origin')) shown.textContent = location.origin;
