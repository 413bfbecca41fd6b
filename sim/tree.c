/* SPDX-License-Identifier: MIT */
#include "tree.h"

#define RED ((uintptr_t)1)

static struct tree_node *parent_of(const struct tree_node *n)
{
	return (struct tree_node *)(n->above & ~RED);
}

static void set_parent(struct tree_node *n, const struct tree_node *parent)
{
	n->above = (uintptr_t)parent | (n->above & RED);
}

static bool is_red(const struct tree_node *n)
{
	return n && (n->above & RED);
}

static void blacken(struct tree_node *n)
{
	n->above &= ~RED;
}

static void redden(struct tree_node *n)
{
	n->above |= RED;
}

static void take_colour(struct tree_node *n, const struct tree_node *from)
{
	n->above = (n->above & ~RED) | (from->above & RED);
}

static void summarise(const struct tree *t, struct tree_node *n)
{
	if (t->summarise)
		(void)t->summarise(n);
}

static void replace_child(struct tree *t, struct tree_node *parent, struct tree_node *old,
			  struct tree_node *node)
{
	if (!parent)
		t->root = node;
	else if (parent->left == old)
		parent->left = node;
	else
		parent->right = node;
	if (node)
		set_parent(node, parent);
}

/* Lifts @p up, a child of @p n, into the place of n. */
static void rotate(struct tree *t, struct tree_node *n, struct tree_node *up)
{
	struct tree_node *moved;

	replace_child(t, parent_of(n), n, up);
	if (n->left == up) {
		moved = up->right;
		n->left = moved;
		up->right = n;
	} else {
		moved = up->left;
		n->right = moved;
		up->left = n;
	}
	set_parent(n, up);
	if (moved)
		set_parent(moved, n);
	summarise(t, n);
	summarise(t, up);
}

static struct tree_node *sibling(const struct tree_node *parent, const struct tree_node *n)
{
	return parent->left == n ? parent->right : parent->left;
}

/* @p n has become red, and its parent may be. */
static void settle_red(struct tree *t, struct tree_node *n)
{
	struct tree_node *parent, *grand, *uncle;

	while ((parent = parent_of(n)) && is_red(parent)) {
		grand = parent_of(parent);
		uncle = sibling(grand, parent);
		if (!is_red(uncle)) {
			if ((grand->left == parent) != (parent->left == n)) {
				rotate(t, parent, n);
				parent = n;
			}
			rotate(t, grand, parent);
			blacken(parent);
			redden(grand);
			return;
		}
		blacken(parent);
		blacken(uncle);
		redden(grand);
		n = grand;
	}
	if (!parent)
		blacken(n);
}

/* The ways down through @p n, a black child of @p parent or none, are a black node short. */
static void settle_short(struct tree *t, struct tree_node *parent, struct tree_node *n)
{
	struct tree_node *beside, *outer, *inner;

	for (; parent; n = parent, parent = parent_of(n)) {
		beside = sibling(parent, n);
		if (is_red(beside)) {
			rotate(t, parent, beside);
			blacken(beside);
			redden(parent);
			beside = sibling(parent, n);
		}
		/* (It has the black node that is missing here.) */
		if (!beside)
			__builtin_unreachable();
		outer = parent->left == n ? beside->right : beside->left;
		inner = sibling(beside, outer);
		if (is_red(outer) || is_red(inner))
			break;
		redden(beside);
		if (is_red(parent)) {
			blacken(parent);
			return;
		}
	}
	if (!parent)
		return;
	if (!is_red(outer)) {
		rotate(t, beside, inner);
		outer = beside;
		beside = inner;
	}
	rotate(t, parent, beside);
	take_colour(beside, parent);
	blacken(parent);
	blacken(outer);
}

void gs_tree_insert(struct tree *t, struct tree_node *parent, struct tree_node **link,
		    struct tree_node *node)
{
	node->above = parent ? (uintptr_t)parent | RED : 0;
	node->left = node->right = NULL;
	if (!parent || (parent == t->last && link == &parent->right))
		t->last = node;
	*link = node;
	if (t->summarise) {
		(void)t->summarise(node);
		gs_tree_changed(t, parent);
	}
	if (is_red(parent))
		settle_red(t, node);
}

/* Puts the first node to the right of @p node, which has both children, in its place; returns the
 * parent of the place that the heir leaves. */
static struct tree_node *put_heir(struct tree *t, struct tree_node *node, struct tree_node *heir)
{
	struct tree_node *from = parent_of(heir);

	if (from == node) {
		from = heir;
	} else {
		replace_child(t, from, heir, heir->right);
		heir->right = node->right;
		set_parent(heir->right, heir);
	}
	heir->left = node->left;
	set_parent(heir->left, heir);
	replace_child(t, parent_of(node), node, heir);
	return from;
}

void gs_tree_remove(struct tree *t, struct tree_node *node)
{
	struct tree_node *heir = node, *from = parent_of(node), *child;
	bool red;

	if (node == t->last)
		t->last = gs_tree_prev(node);
	if (node->left && node->right)
		for (heir = node->right; heir->left;)
			heir = heir->left;
	child = heir->left ? heir->left : heir->right;
	red = is_red(heir);
	if (heir == node) {
		replace_child(t, from, node, child);
	} else {
		from = put_heir(t, node, heir);
		take_colour(heir, node);
	}
	if (t->summarise) {
		gs_tree_changed(t, from);
		/* It is compared with what stood there. */
		if (heir != node) {
			(void)t->summarise(heir);
			gs_tree_changed(t, parent_of(heir));
		}
	}
	if (red || !t->root)
		return;
	if (is_red(child))
		blacken(child);
	else
		settle_short(t, from, child);
}

void gs_tree_changed(struct tree *t, struct tree_node *node)
{
	while (node && t->summarise(node))
		node = parent_of(node);
}

/* Who walks a large tree waits for memory at each step, unless what comes after is on its way by then. */
static struct tree_node *leftmost(struct tree_node *n)
{
	while (n->left) {
		/* (Farther up the right one has been on its way for long.) */
		if (n->right && n->left->left)
			__builtin_prefetch(n->right->left);
		__builtin_prefetch(n->right);
		n = n->left;
	}
	__builtin_prefetch(n->right);
	return n;
}

struct tree_node *gs_tree_first(const struct tree *t)
{
	return t->root ? leftmost(t->root) : NULL;
}

struct tree_node *gs_tree_last(const struct tree *t)
{
	return t->last;
}

struct tree_node *gs_tree_next(const struct tree_node *node)
{
	struct tree_node *n = node->right;

	if (n)
		return leftmost(n);
	for (n = parent_of(node); n && n->right == node; n = parent_of(n))
		node = n;
	if (n && n->right)
		__builtin_prefetch(n->right->left);
	return n;
}

struct tree_node *gs_tree_prev(const struct tree_node *node)
{
	struct tree_node *n = node->left;

	if (n) {
		while (n->right)
			n = n->right;
		return n;
	}
	for (n = parent_of(node); n && n->left == node; n = parent_of(n))
		node = n;
	return n;
}

/* Black nodes on each way down from @p n; -1 if that or something else is not right. */
static int black_nodes(const struct tree_node *n)
{
	int left, right;

	if (!n)
		return 0;
	if ((n->left && parent_of(n->left) != n) || (n->right && parent_of(n->right) != n) ||
	    (is_red(n) && (is_red(n->left) || is_red(n->right))))
		return -1;
	left = black_nodes(n->left);
	right = black_nodes(n->right);
	return left < 0 || left != right ? -1 : left + !is_red(n);
}

bool gs_tree_sound(const struct tree *t)
{
	const struct tree_node *n;

	if (t->root && (parent_of(t->root) || is_red(t->root)))
		return false;
	for (n = t->root; n && n->right;)
		n = n->right;
	return n == t->last && black_nodes(t->root) >= 0;
}
