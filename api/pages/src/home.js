// What is shown to be pasted names the address that this page was opened at, and can be copied.
import { copy } from './copy.js';

for (const shown of document.querySelectorAll('.origin')) shown.textContent = location.origin;
for (const block of document.querySelectorAll('pre')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    await copy(block.textContent);
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
  block.before(button);
}
