// What the theme leaves out for those who read with a keyboard or a screen reader.
function amend() {
  // A button to copy is no landmark.
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "none");
  // The theme lets code that scrolls have the focus only where there is a mouse.
  for (const code of document.querySelectorAll("pre > code:not([tabindex])"))
    if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
  // The label that names a part of the menu is empty beside the tabs; its title is not.
  for (const nav of document.querySelectorAll("nav.md-nav[aria-labelledby]")) {
    const title = nav.querySelector(":scope > .md-nav__title");
    if (title) nav.setAttribute("aria-label", title.textContent.trim());
    nav.removeAttribute("aria-labelledby");
  }
}
new MutationObserver(amend).observe(document.documentElement, {
  childList: true, subtree: true, attributes: true, attributeFilter: ["tabindex"],
});
amend();
