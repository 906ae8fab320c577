// Package view is what the console's pages have in common: the layout with header and navigation,
// templates and their functions, static files, the order in which a page is made, and updates.
//
// It promises that a page arrives whole and works without JavaScript, that nothing on it is made of
// anything but escaped values, that its policy admits no inline script or style, and that a refusal
// of the API stands where the answer would. It shows no figure that a page did not get.
//
// Walk: Kit.Get -> Kit.show -> Templates.execute, for what is live Kit.Updates. Next on the walk:
// accounts.
package view
