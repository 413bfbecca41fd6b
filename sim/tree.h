/* SPDX-License-Identifier: MIT */
/*
 * Intrusive AVL tree. The caller descends by its own key and says where a node goes; the tree
 * keeps balance and, if asked, a summary of each subtree (augmentation).
 */
#ifndef GS_TREE_H
#define GS_TREE_H

#include "list.h"

struct tree_node {
	struct tree_node *parent, *left, *right;
	int height;
};

struct tree {
	struct tree_node *root, *last;
	/* Recomputes the node's summary from itself and its children, and says whether it is another
	 * one now. NULL if there is none. */
	bool (*summarise)(struct tree_node *node);
};

/* Puts @p node at *link, the empty child slot of @p parent that the descent ended in. */
void gs_tree_insert(struct tree *t, struct tree_node *parent, struct tree_node **link,
		    struct tree_node *node);
void gs_tree_remove(struct tree *t, struct tree_node *node);
/* Something the summary depends on changed in @p node. */
void gs_tree_changed(struct tree *t, struct tree_node *node);

struct tree_node *gs_tree_first(const struct tree *t);
struct tree_node *gs_tree_last(const struct tree *t);
struct tree_node *gs_tree_next(const struct tree_node *node);
struct tree_node *gs_tree_prev(const struct tree_node *node);
/* True if parents, heights and balance are right everywhere. */
bool gs_tree_sound(const struct tree *t);

#endif
