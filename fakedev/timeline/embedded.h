/* SPDX-License-Identifier: MIT */
/* Files of this directory, as strings (embed.py). */
#ifndef FAKEDEV_TIMELINE_EMBEDDED_H
#define FAKEDEV_TIMELINE_EMBEDDED_H

extern const char tl_style_css[]; /* of the SVG */
extern const char tl_page_html[], tl_page_css[];
extern const char tl_page_js[], tl_draw_js[], tl_tell_js[]; /* in this order */

#endif
