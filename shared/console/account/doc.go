// Package account is the page of one account: what it has, how that came about, and any moment of
// its past.
//
// A page is of a moment, the newest version or the one that its address names, and all of it is of
// that moment: head, marker on the chart, tabs. The chart is drawn on the server, so that it is
// there without JavaScript; account.js makes the slider move the figures and the chart zoom. Up to
// 5,000 versions are drawn one by one; of more, each column has the extremes of its versions.
//
// It asks the API for everything, as the person who looks, and changes nothing: the commands lead
// to package accounts.
//
// Walk: Pages.show -> Pages.read -> readChart -> readTab. Next on the walk: accounts.
package account
