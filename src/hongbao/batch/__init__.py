"""The openid file (上传openid文件发放): read it, check it, say when it will be done, make a batch of it, feed it."""
