// What is shown to be pasted names the address that this page was opened at, and can be copied.
import { addCopyButton } from './copy.js';

for (const shown of document.querySelectorAll('.origin')) shown.textContent = location.origin;
for (const block of document.querySelectorAll('pre')) addCopyButton(block);
