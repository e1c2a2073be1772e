jointspace runs ls runs
jointspace runs show runs/emoji
