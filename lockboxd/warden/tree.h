/*
 * Removing a directory's contents with the caller's present rights.
 */
#ifndef LB_WARDEN_TREE_H
#define LB_WARDEN_TREE_H

struct lb_tree_count {
	unsigned long removed, left;
};

/*
 * Opens the directory name in dirfd, if it is one and on the same mount; its
 * mode is changed where the owner may not read it.  -1 with errno.
 */
int lb_tree_open(int dirfd, const char *name);

/*
 * Removes everything below the directory dirfd, which stays.  Goes by
 * descriptor and never through a symbolic link or onto another mount; needs
 * neither recursion nor more than three descriptors however deep the tree is.
 * What cannot be removed is counted in count->left.  Blocks.  Takes over dirfd.
 */
void lb_tree_clear(int dirfd, struct lb_tree_count *count);

#endif
