// What runs when the page has loaded.

/** Makes what search looks through while the reader reads: the first search is then as quick as the next ones. */
function prepare(items, from = 0) {
  requestIdleCallback((idle) => {
    let item = from;
    while (item < items.n && idle.timeRemaining() > 2) items.searched(item++);
    if (item < items.n) prepare(items, item);
    else performance.mark("items-prepared");
  });
}

async function begin() {
  try {
    const items = new Items(await unpacked(part("packed").textContent));
    part("browser").hidden = false;
    part("needs").hidden = true;
    new Browser(items).follow();
    performance.mark("items-ready");
    if (window.requestIdleCallback) prepare(items);
  } catch (error) {
    part("needs").textContent = `The items could not be unpacked by this browser (${error.message}); one of 2023 or later can.`;
    part("browser").hidden = true;
    part("needs").hidden = false;
    throw error;
  }
}

begin();
