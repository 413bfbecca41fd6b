/* SPDX-License-Identifier: MIT */
#include "tree.h"

static int height(const struct tree_node *n)
{
	return n ? n->height : 0;
}

/* Returns whether what a parent must know has changed. */
static bool measure(const struct tree *t, struct tree_node *n)
{
	int l = height(n->left), r = height(n->right), before = n->height;
	bool changed = t->summarise && t->summarise(n);

	n->height = 1 + (l > r ? l : r);
	return changed || n->height != before;
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
		node->parent = parent;
}

/* Lifts @p up, a child of @p n, into the place of n. */
static void rotate(struct tree *t, struct tree_node *n, struct tree_node *up)
{
	struct tree_node *moved;

	replace_child(t, n->parent, n, up);
	if (n->left == up) {
		moved = up->right;
		n->left = moved;
		up->right = n;
	} else {
		moved = up->left;
		n->right = moved;
		up->left = n;
	}
	n->parent = up;
	if (moved)
		moved->parent = n;
	(void)measure(t, n);
	(void)measure(t, up);
}

/*
 * Makes the subtree at @p n balanced, given that its children are; returns its new root, or NULL if
 * the subtree looks to its parent as it did before.
 */
static struct tree_node *balance(struct tree *t, struct tree_node *n)
{
	int lean = height(n->left) - height(n->right);
	struct tree_node *tall, *inner;

	if (lean >= -1 && lean <= 1)
		return measure(t, n) ? n : NULL;
	tall = lean > 0 ? n->left : n->right;
	inner = lean > 0 ? tall->right : tall->left;
	if (height(inner) > (lean > 0 ? height(tall->left) : height(tall->right))) {
		rotate(t, tall, inner);
		tall = inner;
	}
	rotate(t, n, tall);
	return tall;
}

static void settle(struct tree *t, struct tree_node *n)
{
	while (n) {
		n = balance(t, n);
		if (!n)
			return;
		n = n->parent;
	}
}

void gs_tree_insert(struct tree *t, struct tree_node *parent, struct tree_node **link,
		    struct tree_node *node)
{
	node->parent = parent;
	node->left = node->right = NULL;
	if (!parent || (parent == t->last && link == &parent->right))
		t->last = node;
	*link = node;
	(void)measure(t, node);
	settle(t, parent);
}

void gs_tree_remove(struct tree *t, struct tree_node *node)
{
	struct tree_node *heir, *from;

	if (node == t->last)
		t->last = gs_tree_prev(node);
	if (!node->left || !node->right) {
		from = node->parent;
		replace_child(t, from, node, node->left ? node->left : node->right);
		settle(t, from);
		return;
	}
	heir = node->right;
	while (heir->left)
		heir = heir->left;
	from = heir->parent;
	if (from == node) {
		from = heir;
	} else {
		replace_child(t, from, heir, heir->right);
		heir->right = node->right;
		heir->right->parent = heir;
	}
	heir->left = node->left;
	heir->left->parent = heir;
	/* It is compared with what stood there. */
	heir->height = node->height;
	replace_child(t, node->parent, node, heir);
	settle(t, from);
	if (t->summarise) {
		(void)t->summarise(heir);
		gs_tree_changed(t, heir->parent);
	}
}

void gs_tree_changed(struct tree *t, struct tree_node *node)
{
	while (node && t->summarise(node))
		node = node->parent;
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
	for (n = node->parent; n && n->right == node; n = n->parent)
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
	for (n = node->parent; n && n->left == node; n = n->parent)
		node = n;
	return n;
}

static bool node_sound(const struct tree_node *n)
{
	int l = height(n->left), r = height(n->right);

	return (!n->left || n->left->parent == n) && (!n->right || n->right->parent == n) &&
	       n->height == 1 + (l > r ? l : r) && l - r <= 1 && r - l <= 1;
}

bool gs_tree_sound(const struct tree *t)
{
	const struct tree_node *n;

	if (t->root && t->root->parent)
		return false;
	for (n = t->root; n && n->right;)
		n = n->right;
	if (n != t->last)
		return false;
	for (n = gs_tree_first(t); n; n = gs_tree_next(n))
		if (!node_sound(n))
			return false;
	return true;
}
